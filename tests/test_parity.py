"""Parity: whole networks, 50 layers deep, in the three frameworks against the definition.

Networks are narrow, so that the suite stays fast; the depth is what makes errors grow.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest

from common import agreement, draw, task
from common.backend import Backend, Program, train
from common.network import Batch, Gradients, State
from common.plan import Plan
from common.quantities import QUANTITIES
from common.trace import Trace

DEPTH = 50
ACTIVATIONS = ["sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu"]
NORMALIZATIONS = ["none", "batch"]
INITIALIZATIONS = ["xavier", "he"]
CLIPPINGS = {
    "none": {"kind": "none"},
    "value": {"kind": "value", "threshold": 0.01},
    "norm": {"kind": "norm", "threshold": 0.1},
    "global_norm": {"kind": "global_norm", "threshold": 0.5},
}

over_activations = pytest.mark.parametrize("activation", ACTIVATIONS)
over_normalizations = pytest.mark.parametrize("normalization", NORMALIZATIONS, ids=["plain", "batch_norm"])
over_clippings = pytest.mark.parametrize("clipping", CLIPPINGS)


@pytest.fixture(scope="module")
def deep(plan: Callable[..., Plan]) -> Callable[..., Plan]:
    """A maker of plans for digits: 50 layers of 12 units, two seeds, batches of 16."""
    sizes = {"features": 64, "classes": 10, "depth": DEPTH, "width": 12, "batch_size": 16, "learning_rate": 0.05}
    return lambda clipping, **changes: plan(**(sizes | {"clipping": CLIPPINGS[clipping]} | changes))


def first_batches(plan: Plan, steps: int) -> list[Batch]:
    return list(islice(draw.batches(plan.model_copy(update={"steps": steps}), task.load(plan.task)), steps))


def state_error(found: State, expected: State, before: State) -> float:
    """The largest difference of a parameter or running statistic, scaled by its layer's size before or after the step."""
    errors = [0.0]
    for kind in ("parameters", "statistics"):
        for name, value in getattr(expected, kind).items():
            size = np.maximum(np.abs(value), np.abs(getattr(before, kind)[name]))
            difference = np.abs(getattr(found, kind)[name] - value)
            over_layer = tuple(range(2, value.ndim))
            errors.append((difference.max(over_layer) / size.max(over_layer, initial=1e-300)).max())
    return float(max(errors))


def gradients_at(program: Program, state: State, batch: Batch) -> Gradients:
    program.load(state)
    program.step(batch)
    return program.gradients()


@over_clippings
@over_normalizations
@over_activations
def test_the_first_step_and_20_steps_from_the_definitions_state_are_the_definitions(
    backend: Backend, definition: Backend, deep: Callable[..., Plan], activation: str, normalization: str, clipping: str
) -> None:
    plan = deep(clipping, activation=activation, normalization=normalization)
    wing, reference, batches = backend.program(plan, "cpu"), definition.program(plan, "cpu"), first_batches(plan, 20)
    for initialization in INITIALIZATIONS:  # which the compiled step does not know
        start = draw.state(deep(clipping, activation=activation, normalization=normalization, initialization=initialization))
        assert_first_step_agrees(wing, reference, plan, start, batches[0])
        assert_steps_agree(wing, reference, plan, start, batches)


def bound(sensitivity: float) -> float:
    """1e-10, or 100 times the network's own sensitivity to one unit in the last place of its weights, if over 1e-12."""
    return 1e-10 if sensitivity <= 1e-12 else 100 * sensitivity


def assert_first_step_agrees(wing: Program, reference: Program, plan: Plan, start: State, batch: Batch) -> None:
    """Loss and gradient of the first step."""
    expected = gradients_at(reference, start, batch)
    moved = gradients_at(reference, draw.moved_by_one_ulp(start, plan), batch)
    sensitivity = agreement.gradient_error(moved, expected, "float64")
    assert agreement.gradient_error(gradients_at(wing, start, batch), expected, "float64") <= bound(sensitivity)


def assert_steps_agree(wing: Program, reference: Program, plan: Plan, start: State, batches: list[Batch]) -> None:
    """Parameters, running statistics and evaluation after each step from the definition's state, until that is not finite."""
    before = start
    for batch in batches:
        moved = _after(reference, draw.moved_by_one_ulp(before, plan), batch)
        expected, found = _after(reference, before, batch), _after(wing, before, batch)
        if not all(np.isfinite(a).all() for a in expected[0].parameters.values()):
            return
        assert state_error(found[0], expected[0], before) <= bound(state_error(moved[0], expected[0], before))
        evaluation, sensitivity = (agreement.scaled_error(after[1], expected[1], "float64") for after in (found, moved))
        assert evaluation <= bound(sensitivity)
        before = expected[0]


def _after(program: Program, before: State, batch: Batch) -> tuple[State, np.ndarray]:
    program.load(before)
    program.step(batch)
    return program.state(), program.predict(batch.x)


@over_normalizations
@over_activations
def test_free_running_divergence_stays_within_100_times_the_networks_own_sensitivity(
    backend: Backend, definition: Backend, deep: Callable[..., Plan], activation: str, normalization: str
) -> None:
    plan = deep("value", activation=activation, normalization=normalization, initialization="he", steps=50)
    batches = first_batches(plan, 50)

    def trace(program: Program, start: State) -> Trace:
        program.load(start)
        return train(program, plan, batches).trace

    start = draw.state(plan)
    expected = trace(definition.program(plan, "cpu"), start)
    moved = trace(definition.program(plan, "cpu"), draw.moved_by_one_ulp(start, plan))
    divergence = agreement.divergence(trace(backend.program(plan, "cpu"), start), expected)
    assert agreement.training_agrees(plan, divergence, agreement.divergence(moved, expected))


@over_normalizations
@over_activations
def test_float32_stays_within_the_computed_tolerance_at_the_first_step(
    backend: Backend, definition: Backend, deep: Callable[..., Plan], activation: str, normalization: str
) -> None:
    plan = deep("none", activation=activation, normalization=normalization, initialization="he", precision="float32")
    start, (batch,) = draw.state(plan), first_batches(plan, 1)
    reference, wing = definition.program(plan, "cpu"), backend.program(plan, "cpu")

    expected = gradients_at(reference, start, batch)
    moved = [gradients_at(reference, state, batch) for state in agreement.neighbours(start, plan)]
    found = gradients_at(wing, start, batch)
    assert agreement.gradient_error(found, expected, "float32") <= agreement.tolerance(plan, expected, moved)


@pytest.mark.parametrize("record_every", [1, 7])
@over_normalizations
def test_the_quantities_are_the_definitions(
    backend: Backend, definition: Backend, deep: Callable[..., Plan], normalization: str, record_every: int
) -> None:
    plan = deep("norm", activation="prelu", normalization=normalization, depth=8, steps=10, record_every=record_every)
    traces = []
    for wing in (backend, definition):
        one = wing.program(plan, "cpu")
        one.load(draw.state(plan))
        traces.append(train(one, plan, first_batches(plan, 10)).trace)
    found, expected = traces
    assert found.steps.tolist() == expected.steps.tolist() == sorted({*range(0, 10, record_every), 9})
    assert agreement.scaled_error(found.loss, expected.loss, "float64") <= 1e-9
    for name in QUANTITIES:
        assert found.quantities[name].shape == (2, len(found.steps), 8)
        # each [seed, step, layer] scaled by itself
        assert np.allclose(found.quantities[name], expected.quantities[name], rtol=1e-9, atol=1e-13), name


@over_normalizations
def test_seeds_side_by_side_are_the_seeds_one_by_one(backend: Backend, deep: Callable[..., Plan], normalization: str) -> None:
    together = deep("global_norm", activation="prelu", normalization=normalization, depth=6, seeds=(0, 1, 2))
    program = backend.program(together, "cpu")
    program.load(draw.state(together))
    for batch in first_batches(together, 3):
        program.step(batch)
    for i, seed in enumerate(together.seeds):
        alone = together.model_copy(update={"seeds": (seed,)})
        single = backend.program(alone, "cpu")
        single.load(draw.state(alone))
        for batch in first_batches(alone, 3):
            single.step(batch)
        found, expected = program.state(), single.state()
        for name, value in (expected.parameters | expected.statistics).items():
            all_seeds = (found.parameters | found.statistics)[name]
            assert agreement.scaled_error(all_seeds[i : i + 1], value, "float64") <= 1e-12, name


def test_a_planted_fault_in_one_weight_is_caught(backend: Backend, definition: Backend, deep: Callable[..., Plan]) -> None:
    plan = deep("none", activation="tanh", depth=10)
    start, (batch,) = draw.state(plan), first_batches(plan, 1)
    wing, expected = backend.program(plan, "cpu"), gradients_at(definition.program(plan, "cpu"), start, batch)
    assert agreement.gradient_error(gradients_at(wing, start, batch), expected, "float64") <= 1e-12
    start.parameters["hidden.weight"][0, 3, 0, 0] += 1e-8
    assert agreement.gradient_error(gradients_at(wing, start, batch), expected, "float64") > 1e-10
