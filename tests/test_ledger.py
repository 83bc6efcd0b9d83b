"""The ledger of differences: what ships really differs, and what cures makes the frameworks equal,
in values and gradients.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import warnings
from typing import Any

import numpy as np
import pytest

from backends import FRAMEWORKS
from experiments.ledger import Difference, effects, entries
from experiments.ledger.trying import FORMS, Form, error, results, shipped
from tests.conftest import load

EACH = pytest.mark.parametrize("difference", entries().values(), ids=lambda each: each.name)


def same(found: Any, stated: Any) -> bool:
    """Whether what was found is what is stated; numbers to a thousandth, as they are written."""
    if isinstance(stated, bool | str) or isinstance(found, bool | str):
        return type(found) is type(stated) and found == stated
    if isinstance(stated, list) and isinstance(found, list):
        return len(found) == len(stated) and all(map(same, found, stated))
    return found == pytest.approx(stated, rel=1e-3, abs=1e-300, nan_ok=True)


@pytest.fixture(autouse=True)
def installed(request: pytest.FixtureRequest) -> None:
    for framework in FRAMEWORKS:
        load(framework, request.config)


@EACH
@pytest.mark.filterwarnings(
    "ignore"
)  # what a framework says of a reader's line is not ours to mend
def test_what_ships_is_what_the_ledger_says(difference: Difference) -> None:
    for framework in FRAMEWORKS:
        stated = difference.shipped.of(framework)
        found = shipped(difference, framework)
        assert same(found, stated.value), (
            f"{framework} ships {found!r} ({stated.of}); the ledger says {stated.value!r}"
        )


def test_no_entry_states_one_value_three_times() -> None:
    for difference in entries().values():
        values = [repr(difference.shipped.of(framework).value) for framework in FRAMEWORKS]
        assert len(set(values)) > 1, difference.name


def found_by(difference: Difference, form: Form) -> dict[str, Any]:
    with warnings.catch_warnings():
        # what a framework says of a reader's line is not ours to mend
        warnings.simplefilter("ignore")
        return {framework: results(difference, framework, form) for framework in FRAMEWORKS}


@EACH
def test_native_lines_part_and_cures_agree(difference: Difference) -> None:
    within = difference.trial.within
    native = found_by(difference, "native")
    apart = [error(native[a], native[b]) for a, b in itertools.combinations(FRAMEWORKS, 2)]
    assert max(apart) > 10 * within, (
        f"{difference.name}: native lines differ by {max(apart):.2g} only"
    )
    cured = found_by(difference, "cured")
    for a, b in itertools.combinations(FRAMEWORKS, 2):
        assert set(cured[a]) == set(cured[b]), f"{difference.name}: {a} and {b} give other numbers"
        assert error(cured[a], cured[b]) <= within, f"{difference.name}: {a} and {b}, cured"


IN_NETWORKS = [each for each in entries().values() if each.trial.network]


@pytest.mark.parametrize("difference", IN_NETWORKS, ids=lambda each: each.name)
@pytest.mark.filterwarnings("ignore")
def test_a_network_of_its_own_trains_with_either_line(difference: Difference) -> None:
    framework = next(
        name for name, effect in effects.measured()[difference.name].items() if effect.cured
    )
    shortened = difference.trial.model_copy(
        update={"base": {**difference.trial.base, "steps": "2"}}
    )
    short = difference.model_copy(update={"trial": shortened})
    native, cured = (effects.trained(short, framework, form, effects.digits()) for form in FORMS)
    assert native.loss != cured.loss
    assert np.isfinite(cured.decay_per_layer)
    assert np.isfinite(cured.loss)


PATCHED = [
    ("batch-norm-epsilon", "keras", "keras.layers.BatchNormalization", "epsilon", 1e-5),
    (
        "batch-norm-momentum-default",
        "torch",
        "torch.nn.modules.batchnorm._BatchNorm",
        "momentum",
        0.01,
    ),
    ("layer-norm-epsilon", "torch", "torch.nn.LayerNorm", "eps", 1e-3),
    ("layer-norm-epsilon", "keras", "keras.layers.LayerNormalization", "epsilon", 1e-6),
    ("leaky-relu-slope", "torch", "torch.nn.LeakyReLU", "negative_slope", 0.3),
    ("leaky-relu-slope", "keras", "keras.layers.LeakyReLU", "negative_slope", 0.01),
    ("adam-epsilon-default", "torch", "torch.optim.Adam", "eps", 1e-7),
    ("adam-epsilon-default", "keras", "keras.optimizers.Adam", "epsilon", 1e-8),
    ("rmsprop-decay-default", "keras", "keras.optimizers.RMSprop", "rho", 0.99),
    ("adamw-decay-default", "torch", "torch.optim.AdamW", "weight_decay", 0.004),
    ("adagrad-accumulator", "keras", "keras.optimizers.Adagrad", "initial_accumulator_value", 0.0),
    ("prelu-start", "torch", "torch.nn.PReLU", "init", 0.0),
]


@pytest.mark.parametrize(
    ("name", "framework", "owner", "argument", "other"), PATCHED, ids=lambda each: str(each)
)
@pytest.mark.filterwarnings("ignore")
def test_a_default_that_changes_is_seen(
    name: str,
    framework: str,
    owner: str,
    argument: str,
    other: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module, _, attribute = owner.rpartition(".")
    constructor = getattr(importlib.import_module(module), attribute).__init__
    parameters = list(inspect.signature(constructor).parameters.values())
    with_defaults = [
        p.name for p in parameters if p.default is not p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    stated = entries()[name].shipped.of(framework).value
    assert same(shipped(entries()[name], framework), stated)
    if argument in with_defaults:
        defaults = list(constructor.__defaults__)
        defaults[with_defaults.index(argument)] = other
        monkeypatch.setattr(constructor, "__defaults__", tuple(defaults))
    else:
        monkeypatch.setitem(constructor.__kwdefaults__, argument, other)
    assert not same(shipped(entries()[name], framework), stated)
