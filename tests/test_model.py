"""Ordinary models: the network of any plan, as who knows a framework writes it, is the definition's.

The plans are drawn from the unions of countermeasures, so that each kind, and each word of it, is in one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from backends import FRAMEWORKS
from common import draw
from common.backend import Backend, Program
from common.countermeasures.activation import Activation, Identity
from common.countermeasures.clipping import Clipping
from common.countermeasures.loss import Loss
from common.countermeasures.normalization import Normalization
from common.countermeasures.optimizer import Optimizer
from common.countermeasures.skip import Skip
from common.network import Arrays, Batch, State
from common.part import Part
from common.placement import TRANSPOSED, Kept, kept_by, places
from common.plan import Plan
from tests.compared import scaled_error
from tests.conftest import load
from tests.derived import start_of
from tests.ordinary import Ordinary, Samples, form, module_of
from tests.strategies import every, label

__all__ = ["form"]

Maker = Callable[..., Plan]
STEPS = 3
BOUND = 1e-10
ROOMS = {
    "activation": every(Activation),
    "normalization": every(Normalization),
    "skip": every(Skip),
    "loss": every(Loss),
    "clipping": [spec.model_copy(update=dict.fromkeys(spec.traced, 0.05)) for spec in every(Clipping)],
    "optimizer": every(Optimizer),
}
WIDTHS: list[Any] = [6, [7, 5, 5, 5, 4], 6, [4]]
"""The same for all layers, and by layer; and one layer only."""


def cases() -> Iterator[dict[str, Any]]:
    """As many plans as the room with the most kinds needs, all others in turn."""
    for i in range(max(map(len, ROOMS.values()))):
        chosen = {room: specs[i % len(specs)] for room, specs in ROOMS.items()}
        width = WIDTHS[i % len(WIDTHS)]
        yield chosen | {"width": width, "depth": len(width) if isinstance(width, list) else 5}


CASES = list(cases())
over_cases = pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(label(case[room]) for room in ROOMS))


def planned(plan: Maker, case: dict[str, Any], **changes: Any) -> Plan:
    """A plan of one seed, by specs."""
    written = {room: spec.model_dump() for room, spec in (case | changes).items() if room in ROOMS}
    sizes = {"width": case["width"], "depth": case["depth"], "classes": case["loss"].most_classes or 3, "seeds": (0,)}
    rate = case["optimizer"].learning_rate
    return plan(**(sizes | {"steps": STEPS, "batch_size": 8, "learning_rate": rate} | changes | written))


def start_and_batches(plan: Plan) -> tuple[State, list[Batch]]:
    """A state in which no two arrays are alike, and batches."""
    rng, shape = np.random.default_rng(3), (1, plan.task.batch_size)
    one = lambda: Batch(rng.normal(size=(*shape, plan.network.features)), rng.integers(plan.network.classes, size=shape))  # noqa: E731
    return replace(start_of(plan), optimizer=draw.state(plan).optimizer), [one() for _ in range(STEPS)]


def of_seed(arrays: Arrays) -> Arrays:
    return {name: a[0] for name, a in arrays.items()}


def samples_of(batches: list[Batch]) -> list[Samples]:
    return [(batch.x[0], batch.y[0]) for batch in batches]


def model_of(form: str, plan: Plan, state: State) -> Ordinary:
    return Ordinary(form, plan, of_seed(state.parameters | state.statistics))


def apart(found: Arrays, expected: Arrays) -> float:
    """The largest error, scaled by each layer; the names have to be the same."""
    assert set(found) == set(expected)
    return max(scaled_error(found[name][None], value) for name, value in expected.items())


def defined(definition: Backend, plan: Plan, state: State) -> Program:
    program = definition.program(plan, "cpu", measure=False)
    program.load(state)
    return program


@over_cases
def test_loss_and_gradients_are_the_definitions(form: str, definition: Backend, plan: Maker, case: dict[str, Any]) -> None:
    small = planned(plan, case)
    state, batches = start_and_batches(small)
    program = defined(definition, small, state)
    program.step(batches[0])
    loss, found = model_of(form, small, state).gradients(samples_of(batches)[0])
    assert loss == pytest.approx(program.gradients().loss[0], rel=BOUND)
    assert apart(found, program.gradients().parameters) <= BOUND


@over_cases
def test_its_own_loop_trains_it_as_the_definition_is_trained(
    form: str, definition: Backend, plan: Maker, case: dict[str, Any]
) -> None:
    small = planned(plan, case)
    state, batches = start_and_batches(small)
    program, model = defined(definition, small, state), model_of(form, small, state)
    losses = [program.measured(program.step(batch))["loss"][0] for batch in batches]
    assert model.train(samples_of(batches)) == pytest.approx(losses, rel=BOUND)
    end = program.state()
    assert apart(model.arrays(), end.parameters | end.statistics) <= BOUND
    x = batches[0].x
    assert scaled_error(model.predict(x[0])[None], program.predict(x)) <= BOUND
