"""The optimizer: steps of the three frameworks are the definition's, alone, in a network and over a
run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given

from common import draw, task
from common.backend import Backend
from common.countermeasures.optimizer import Optimizer, slots, steepest
from experiments.judging import batch_of
from tests.compared import differing, scaled_error
from tests.deep_wings import Maker
from tests.optimizers import BY_KIND, FEW, numbers, with_numbers
from tests.strategies import float64s, floats

STEPS = 5
AWKWARD = [0.0, 1e-12, -1e-8, 1e-8, 1e-30, 1e-150, -1e12, 1e100]
WEIGHTS = float64s((2, 3, 2, 2), floats(-10, 10, [0.0]))
GRADIENTS = float64s((STEPS, 2, 3, 2, 2), floats(-10, 10, AWKWARD))
Arrays = dict[str, np.ndarray]


def inputs(weight: np.ndarray, gradients: np.ndarray) -> Arrays:
    """A weight, and a bias with some of its gradients, so that there is more than one parameter."""
    return {
        "weight": weight,
        "bias": weight[..., 0],
        "weight.gradients": gradients,
        "bias.gradients": gradients[..., 1],
    }


def largest_on_the_way(definition: Backend, spec: Optimizer, given_: Arrays) -> Arrays:
    """The largest size of each element at any step: what two steps of opposite signs leave has the
    rounding of both.
    """
    largest = {
        name: np.abs(value) for name, value in given_.items() if not name.endswith(".gradients")
    }
    for steps in range(1, STEPS + 1):
        short = {
            name: value[:steps] if name.endswith(".gradients") else value
            for name, value in given_.items()
        }
        for name, value in definition.optimizer.probe(spec, short).items():
            largest[name] = np.fmax(largest.get(name, 0.0), np.abs(value))
    return largest


def assert_equal(found: Arrays, expected: Arrays, sizes: Arrays, lost: float = 0.0) -> None:
    """To 1e-12 of each element's size, beside what is lost of a moment below the smallest normal
    number: some flush it to 0.
    """
    for name, value in expected.items():
        assert found[name].shape == value.shape
        finite = np.isfinite(value)
        assert np.array_equal(np.isfinite(found[name]), finite), name
        error = np.abs(found[name][finite] - value[finite])
        size = sizes[name][finite]
        assert (
            error <= lost + 1e-12 * np.maximum(size, 1e-12 * size.max(initial=0.0) + 1e-290)
        ).all(), name


OPPOSED = np.zeros((STEPS, 2, 3, 2, 2))
# two steps of RMSprop that leave 6e-5 of either
OPPOSED[0, 1, 2, 1, 1], OPPOSED[1, 1, 2, 1, 1] = (
    -0.0625,
    5.5,
)
OPPOSED_STEPS = example(
    weight=np.zeros((2, 3, 2, 2)),
    gradients=OPPOSED,
    drawn={
        "momentum": 0.0,
        "beta1": 0.0,
        "beta2": 0.0,
        "rho": 0.9,
        "epsilon": 1e-30,
        "weight_decay": 0.0,
        "learning_rate": 1e-3,
    },
)


def lost(spec: Any) -> float:
    """What steps may miss where XLA takes what is subnormal on the way for 0."""
    return 4 * STEPS * spec.learning_rate * steepest(spec) * float(np.finfo(float).tiny)


@BY_KIND
@FEW
@OPPOSED_STEPS
@given(weight=WEIGHTS, gradients=GRADIENTS, drawn=numbers)
def test_steps_are_the_definitions(
    backend: Backend,
    definition: Backend,
    kind: Any,
    weight: np.ndarray,
    gradients: np.ndarray,
    drawn: dict[str, float],
) -> None:
    spec = with_numbers(kind, drawn)
    given_ = inputs(weight, gradients)
    sizes = largest_on_the_way(definition, spec, given_)
    assert_equal(
        backend.optimizer.probe(spec, given_),
        definition.optimizer.probe(spec, given_),
        sizes,
        lost(spec),
    )


@BY_KIND
@FEW
@OPPOSED_STEPS
@given(weight=WEIGHTS, gradients=GRADIENTS, drawn=numbers)
def test_steps_of_what_a_reader_builds_are_the_definitions(
    backend: Backend,
    definition: Backend,
    kind: Any,
    weight: np.ndarray,
    gradients: np.ndarray,
    drawn: dict[str, float],
) -> None:
    wing = backend.optimizer
    spec = with_numbers(kind, drawn)
    given_ = inputs(weight, np.clip(gradients, -1e12, 1e12))
    found = wing.probe(spec, given_, wing.build)
    expected = definition.optimizer.probe(spec, given_)
    sizes = largest_on_the_way(definition, spec, given_)
    # an update is seen beside a weight to the rounding of what has been added to it
    for name in (
        "weight",
        "bias",
    ):
        largest = sizes[name].max()
        assert np.abs(found[name] - expected[name]).max() <= 1e-12 * max(largest, 1e-290) + lost(
            spec
        )


@BY_KIND
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_is_seen_in_its_own_weight_alone(
    backend: Backend, definition: Backend, kind: Any, bad: float
) -> None:
    gradients = np.ones((STEPS, 1, 2, 2, 2))
    gradients[1, 0, 1, 0, 1] = bad
    given_ = inputs(np.zeros((1, 2, 2, 2)), gradients)
    for wing in (definition, backend):
        weight = wing.optimizer.probe(kind(), given_)["weight"]
        assert not np.isfinite(weight[0, 1, 0, 1])
        assert np.isfinite(weight).sum() == weight.size - 1


@BY_KIND
def test_a_step_of_a_network_with_it_is_the_definitions(
    backend: Backend, definition: Backend, plan: Maker, kind: Any
) -> None:
    for clipping in ("none", {"kind": "norm", "threshold": 1e-3}):
        one = plan(
            features=64,
            classes=10,
            optimizer={"kind": kind().kind},
            learning_rate=None,
            clipping=clipping,
        )
        assert not differing(backend, definition, one), clipping


@BY_KIND
def test_a_run_that_is_fetched_and_loaded_again_goes_on_as_before(
    backend: Backend, plan: Maker, kind: Any
) -> None:
    one = plan(
        features=64, classes=10, optimizer={"kind": kind().kind}, learning_rate=None, steps=6
    )
    data = task.load(one.task)
    whole = backend.program(one, "cpu")
    parted = backend.program(one, "cpu")
    whole.load(draw.state(one))
    parted.load(draw.state(one))
    for step in range(6):
        whole.step(batch_of(one, data, step))
        parted.step(batch_of(one, data, step))
        parted.load(parted.state(), one)
    found = parted.state()
    expected = whole.state()
    assert found.steps == expected.steps == 6
    assert set(expected.optimizer) == {
        f"{name}.{slot}" for name in expected.parameters for slot in slots(kind())
    }
    for name, value in (expected.parameters | expected.optimizer).items():
        assert np.array_equal((found.parameters | found.optimizer)[name], value), name


@BY_KIND
def test_the_update_ratio_is_that_of_what_was_added(
    backend: Backend, plan: Maker, kind: Any
) -> None:
    one = plan(features=64, classes=10, optimizer={"kind": kind().kind}, learning_rate=None)
    program = backend.program(one, "cpu")
    data = task.load(one.task)
    program.load(draw.state(one))
    for step in range(3):
        before = program.state().parameters["hidden.weight"]
        ratio = program.measured(program.step(batch_of(one, data, step)))["update_ratio"][:, 1:]
        moved = program.state().parameters["hidden.weight"] - before
        expected = np.sqrt((moved**2).mean((2, 3)) / (before**2).mean((2, 3)))
        assert np.allclose(ratio, expected, rtol=1e-10, atol=0), step


def test_clipping_comes_before_the_optimizer_and_decay_is_not_clipped(
    backend: Backend, definition: Backend, plan: Maker
) -> None:
    clipping = {"kind": "value", "threshold": 1e-6}
    one = plan(
        features=64,
        classes=10,
        clipping=clipping,
        optimizer={"kind": "adamw", "weight_decay": 0.5},
        learning_rate=1e-3,
    )
    for wing in (definition, backend):
        program = wing.program(one, "cpu")
        program.load(draw.state(one))
        program.step(batch_of(one, task.load(one.task), 0))
        state = program.state()
        clipped = program.gradients().clipped["hidden.weight"]
        assert np.abs(clipped).max() <= 1e-6
        assert scaled_error(state.optimizer["hidden.weight.first_moment"], 0.1 * clipped) <= 1e-12
