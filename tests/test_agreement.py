from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from common import draw
from common.agreement import divergence, epsilon, gradient_error, neighbours, scaled_error, tolerance, training_agrees
from common.backend import Backend
from common.network import Batch, Gradients, State
from common.plan import Plan
from common.quantities import QUANTITIES
from common.trace import Trace

QUICK = settings(max_examples=60, deadline=None)
SHAPE = (2, 3, 4)
anything = st.floats(-1e100, 1e100) | st.sampled_from([0.0, np.inf, -np.inf, np.nan])
ordinary = arrays(np.float64, SHAPE, elements=st.floats(0.01, 100) | st.floats(-100, -0.01))


@QUICK
@given(a=arrays(np.float64, SHAPE, elements=anything))
def test_an_array_agrees_with_itself_whatever_is_in_it(a: np.ndarray) -> None:
    assert scaled_error(a, a.copy(), "float64") == 0


@QUICK
@given(a=ordinary, bad=st.sampled_from([np.nan, np.inf, -np.inf]), place=st.integers(0, 23))
def test_a_value_that_is_finite_on_one_side_only_is_infinitely_wrong(a: np.ndarray, bad: float, place: int) -> None:
    b = a.copy()
    b.flat[place] = bad
    assert scaled_error(a, b, "float64") == scaled_error(b, a, "float64") == np.inf


def test_two_infinities_of_opposite_sign_disagree() -> None:
    assert scaled_error(np.array([np.inf]), np.array([-np.inf]), "float64") == np.inf


def test_anything_but_0_is_infinitely_wrong_where_the_definition_is_0() -> None:
    zero, value = np.zeros(SHAPE), np.zeros(SHAPE)
    value[1, 2, 3] = 1e-300
    assert scaled_error(value, zero, "float64") == np.inf
    assert scaled_error(zero, value, "float64") == 1


@pytest.mark.parametrize(("precision", "flushed"), [("float64", 2.2e-308), ("float32", 1.1e-38)])
def test_differences_that_a_framework_may_flush_do_not_count(precision: str, flushed: float) -> None:
    definition, value = np.zeros(SHAPE), np.zeros(SHAPE)
    value[0, 0, 0] = flushed
    assert scaled_error(value, definition, precision) == scaled_error(definition, value, precision) == 0
    assert scaled_error(value * 1.1, definition, precision) == np.inf


@QUICK
@given(a=ordinary, error=st.floats(1e-12, 1), place=st.integers(0, 23))
def test_the_error_is_relative_to_the_largest_value_of_its_own_layer(a: np.ndarray, error: float, place: int) -> None:
    b = a.copy()
    b.flat[place] += error
    seed, layer, _ = np.unravel_index(place, SHAPE)
    expected = abs(b.flat[place] - a.flat[place]) / np.abs(a[seed, layer]).max()
    assert scaled_error(b, a, "float64") == expected
    others = np.where((np.arange(2) == seed)[:, None, None] & (np.arange(3) == layer)[:, None], a, 1e9 * a)
    assert scaled_error(np.where(a == b, others, b), others, "float64") == expected, "large neighbours do not hide it"


@QUICK
@given(a=ordinary, b=ordinary, powers=arrays(np.int64, (2, 3, 1), elements=st.integers(-300, 300)))
def test_a_vanishing_layer_is_held_to_the_same_accuracy(a: np.ndarray, b: np.ndarray, powers: np.ndarray) -> None:
    scaled = scaled_error(np.ldexp(a, powers), np.ldexp(b, powers), "float64")
    assert scaled == scaled_error(a, b, "float64")


def test_a_loss_is_compared_seed_by_seed() -> None:
    assert scaled_error(np.array([1.0, 2e-9]), np.array([1.0, 1e-9]), "float64") == 1


def _first_step(definition: Backend, plan: Plan, start: State) -> Gradients:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(len(plan.seeds), plan.task.batch_size, plan.network.features))
    program = definition.program(plan, "cpu")
    program.load(start)
    program.step(Batch(x, rng.integers(plan.network.classes, size=x.shape[:2])))
    return program.gradients()


def _judged(definition: Backend, plan: Plan) -> tuple[Gradients, list[Gradients]]:
    start = draw.state(plan)
    return _first_step(definition, plan, start), [_first_step(definition, plan, near) for near in neighbours(start, plan)]


over_activations = pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu"])


@over_activations
@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_a_planted_fault_is_caught_at_depth_10(
    definition: Backend, plan: Callable[..., Plan], activation: str, normalization: str
) -> None:
    deep = plan(depth=10, width=32, activation=activation, normalization=normalization)
    exact, moved = _judged(definition, deep)
    bound = tolerance(deep, exact, moved)
    weight = exact.parameters["hidden.weight"].copy()
    layer = weight[1, 4]
    layer.flat[np.abs(layer).argmax()] *= 1 + 1e-6
    faulty = replace(exact, parameters=exact.parameters | {"hidden.weight": weight})
    assert gradient_error(exact, exact, "float64") == 0
    assert gradient_error(faulty, exact, "float64") == pytest.approx(1e-6, rel=1e-6)
    assert gradient_error(faulty, exact, "float64") > bound
    assert gradient_error(moved[0], exact, "float64") <= bound, "rounding is not a fault"


def test_a_sample_that_dies_in_a_narrow_relu_network_does_not_empty_the_tolerance(
    definition: Backend, plan: Callable[..., Plan]
) -> None:
    narrow = plan(depth=10, width=8, activation="relu")
    exact, moved = _judged(definition, narrow)
    assert (exact.signal != 0).any()
    assert tolerance(narrow, exact, moved) < 1e-3


@pytest.mark.parametrize("name", ["loss", "signal", "first.weight", "hidden.bias", "output.weight", "output.bias"])
def test_the_gradient_error_looks_at_every_array(definition: Backend, plan: Callable[..., Plan], name: str) -> None:
    exact = _first_step(definition, plan(), draw.state(plan()))
    if name in exact.parameters:
        faulty = replace(exact, parameters=exact.parameters | {name: exact.parameters[name] * (1 + 1e-6)})
    else:
        faulty = replace(exact, **{name: getattr(exact, name) * (1 + 1e-6)})
    assert gradient_error(faulty, exact, "float64") == pytest.approx(1e-6, rel=1e-6)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_tolerance_is_the_documented_formula(definition: Backend, plan: Callable[..., Plan], precision: str) -> None:
    deep = plan(depth=7, activation="relu", precision=precision)
    exact, moved = _judged(definition, deep)
    s, up, down = (gradient_error(near, exact, precision) for near in moved)
    eps = {"float32": 2.0**-23, "float64": 2.0**-52}[precision]
    assert epsilon(precision) == eps
    assert tolerance(deep, exact, moved) == 100 * max(s, 7 * eps) + max(up, down)
    assert tolerance(deep, exact, [exact] * 3) == 100 * 7 * eps


def test_neighbours_move_weights_by_an_ulp_and_layers_by_depth_ulps(plan: Callable[..., Plan]) -> None:
    deep = plan(depth=6)
    start = draw.state(deep)
    moved, up, down = neighbours(start, deep)
    weights = draw.state(plan(depth=6, perturbed=True)).parameters["hidden.weight"]
    assert np.array_equal(moved.parameters["hidden.weight"], weights)
    for name, a in start.parameters.items():
        size = np.sqrt((a**2).mean((2, 3), keepdims=True)) if name.endswith("weight") else 0.0
        for near, sign in ((up, 1), (down, -1)):
            assert np.abs(near.parameters[name] - a - sign * 6 * 2.0**-52 * size).max() <= 2.0**-53 * np.abs(a).max(), name


def _trace(values: np.ndarray) -> Trace:
    """A trace [seed 2, step 3, layer 4] with the values in all quantities, and their first layer as the loss."""
    return Trace(np.arange(3), values[..., 0], dict.fromkeys(QUANTITIES, values))


measured = arrays(np.float64, (2, 3, 4), elements=st.floats(0, 1e300) | st.sampled_from([0.0, np.inf, np.nan]))


@QUICK
@given(a=measured, b=measured)
def test_divergence_lies_between_0_and_1_and_is_symmetric(a: np.ndarray, b: np.ndarray) -> None:
    found = divergence(_trace(a), _trace(b))
    assert found.shape == (3,)
    assert ((found >= 0) & (found <= 1)).all()
    assert np.array_equal(found, divergence(_trace(b), _trace(a)))
    assert (divergence(_trace(a), _trace(a)) == 0).all()


@pytest.mark.parametrize("name", ["loss", "signal_gradient_rms", "weight_gradient_rms"])
def test_divergence_shows_the_step_at_which_two_runs_part(name: str) -> None:
    a, b = _trace(np.ones((2, 3, 4))), _trace(np.ones((2, 3, 4)))
    values = b.loss.copy() if name == "loss" else b.quantities[name].copy()
    values[(1, 2) if name == "loss" else (1, 2, 3)] = 0.75
    b = replace(b, loss=values) if name == "loss" else replace(b, quantities=b.quantities | {name: values})
    assert divergence(a, b).tolist() == [0, 0, 0.25]


def test_runs_that_are_both_not_finite_do_not_diverge_and_one_that_is_alone_does() -> None:
    nan, one = np.full((2, 3, 4), np.nan), np.ones((2, 3, 4))
    assert divergence(_trace(nan), _trace(nan * 0 + np.inf)).tolist() == [0, 0, 0]
    assert divergence(_trace(nan), _trace(one)).tolist() == [1, 1, 1]


steps = arrays(np.float64, 5, elements=st.floats(0, 1e-2))


@QUICK
@given(sensitivity=steps, place=st.integers(0, 4))
def test_a_run_agrees_up_to_100_times_its_sensitivity(plan: Callable[..., Plan], sensitivity: np.ndarray, place: int) -> None:
    floor = plan().network.depth * 2.0**-52
    bound = np.array([100 * max(floor, *sensitivity[: step + 2]) for step in range(5)])
    assert training_agrees(plan(), bound, sensitivity)
    beyond = bound.copy()
    beyond[place] *= 1.001
    assert not training_agrees(plan(), beyond, sensitivity)
    assert training_agrees(plan(precision="float32"), beyond, sensitivity), "judged by the first step"


@pytest.mark.parametrize(("breaks_out", "agrees"), [(0, False), (1, False), (2, True), (3, True), (4, True)])
def test_chaos_may_break_out_one_recorded_step_early(plan: Callable[..., Plan], breaks_out: int, agrees: bool) -> None:
    sensitivity, found = np.array([1e-16, 1e-16, 1e-16, 1e-2, 1e-2]), np.full(5, 1e-16)
    found[breaks_out:] = 1e-2
    assert training_agrees(plan(), found, sensitivity) == agrees
