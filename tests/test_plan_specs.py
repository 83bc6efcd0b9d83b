"""The specs that plans and experiments are made of: every number is strict, and what is marked is a
field.
"""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import ValidationError

from common.architectures import FORMS, Perceptron
from common.countermeasures.activation import Activation
from common.countermeasures.clipping import Clipping, NormClipping
from common.countermeasures.initialization import Initialization
from common.countermeasures.normalization import Normalization
from common.countermeasures.optimizer import Optimizer
from common.plan import Plan
from common.spec import Spec
from common.task import Task
from experiments.findings.thresholds import Thresholds
from experiments.settings import Settings


def _subclasses(spec: type[Spec]) -> list[type[Spec]]:
    return [found for each in spec.__subclasses__() for found in (each, *_subclasses(each))]


SPECS = [
    spec for spec in _subclasses(Spec) if spec.__module__.split(".")[0] in ("common", "experiments")
]


def test_the_specs_are_those_of_plans_and_of_experiments() -> None:
    assert {Plan, Perceptron, Task, Settings, Thresholds, NormClipping} <= set(SPECS)


def leaves(annotation: Any) -> set[Any]:
    """The types that a field's annotation is made of; of a literal, those of its values."""
    if get_origin(annotation) is Literal:
        return {type(value) for value in get_args(annotation)}
    return {leaf for argument in get_args(annotation) for leaf in leaves(argument)} or {annotation}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.__name__)
def test_every_number_of_every_spec_is_strict(spec: type[Spec]) -> None:
    """Only the one mistake is looked at: what else the spec wants is left out."""
    tried = 0
    for name, field in spec.model_fields.items():
        for kind in {int, float, bool} & leaves(field.annotation):
            many = get_origin(field.annotation) is tuple
            for wrong in (
                [True, "1", "1.0", 1.0]
                if kind is int
                else [True, "1", "1.0"]
                if kind is float
                else [1, "true", 1.0]
            ):
                if (get_origin(field.annotation), wrong) == (Literal, 1.0):
                    continue  # 0.0 is the number 0
                with pytest.raises(ValidationError) as refused:
                    spec.model_validate({name: [wrong] if many else wrong})
                places = [
                    tuple(part for part in error["loc"] if part not in FORMS)
                    for error in refused.value.errors()
                ]
                assert (name, 0)[: 1 + many] in places, (name, wrong)
                tried += 1
    assert tried or not {int, float, bool} & {
        leaf for field in spec.model_fields.values() for leaf in leaves(field.annotation)
    }


UNIONS = {
    "activation": Activation,
    "normalization": Normalization,
    "clipping": Clipping,
    "initialization": Initialization,
    "optimizer": Optimizer,
}


@pytest.mark.parametrize("union", UNIONS.values(), ids=UNIONS)
def test_marks_are_fields_of_their_specs(union: Any) -> None:
    kinds = get_args(get_args(union)[0])
    assert len(kinds) > 1
    for kind in kinds:
        assert set(kind.traced + kind.starts) <= set(kind.model_fields), kind
