from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from backends.numpy.rounding import EXACT, Exact, Random, norms
from backends.numpy.training import Program as Definition
from common import agreement, draw, task
from common.agreement import DRAWS, Judge, T, judged_steps
from common.backend import Backend, train
from common.bounds import Bounds, Inside, with_another
from common.free_run import CHAOS, MARGIN, divergence, finite, free_run
from common.network import State
from common.plan import Plan
from common.quantities import QUANTITIES
from common.step import EVALUATION, SIGNAL, Key, Step, all_of, distance, largest
from common.trace import Trace
from experiments import judging, references
from experiments.sensitivity import sensitivity
from tests import pairs

QUICK = settings(max_examples=60, deadline=None)
SHAPE = (2, 3, 4)
Maker = Callable[..., Plan]
anything = st.floats(-1e100, 1e100) | st.sampled_from([0.0, np.inf, -np.inf, np.nan])
ordinary = arrays(np.float64, SHAPE, elements=st.floats(0.01, 100) | st.floats(-100, -0.01))


@QUICK
@given(a=arrays(np.float64, SHAPE, elements=anything))
def test_an_array_agrees_with_itself_whatever_is_in_it(a: np.ndarray) -> None:
    assert not distance(a, a.copy()).any()


@QUICK
@given(a=ordinary, bad=st.sampled_from([np.nan, np.inf, -np.inf]), place=st.integers(0, 23))
def test_a_value_that_is_finite_on_one_side_only_is_infinitely_far(a: np.ndarray, bad: float, place: int) -> None:
    b = a.copy()
    b.flat[place] = bad
    at = np.unravel_index(place, SHAPE)[:2]
    assert distance(a, b)[at] == distance(b, a)[at] == np.inf


@QUICK
@given(a=ordinary, error=st.floats(1e-12, 1), place=st.integers(0, 23))
def test_the_distance_is_that_of_the_worst_element_of_its_own_layer(a: np.ndarray, error: float, place: int) -> None:
    b = a.copy()
    b.flat[place] += error
    expected = np.zeros(SHAPE[:2])
    expected[np.unravel_index(place, SHAPE)[:2]] = abs(b.flat[place] - a.flat[place])
    assert np.array_equal(distance(a, b), expected)


def test_t_is_the_quantile_that_the_docstring_names() -> None:
    assert pytest.approx(stats.t.ppf(1 - 1e-9 / 2, DRAWS), rel=2e-3) == T


# Rounding at random


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_random_rounding_stays_within_a_unit_in_the_last_place_and_is_no_constant(precision: str) -> None:
    y = np.exp(np.random.default_rng(0).normal(size=1000) * 5)
    moved = np.abs(Random(precision, 1)(y) / y - 1) / np.finfo(precision).eps
    assert 0.8 < moved.max() <= 1.5  # and the rounding of the number itself
    assert np.median(moved) > 0.1


def test_a_sum_that_cancels_is_rounded_by_the_size_of_what_was_summed() -> None:
    terms = np.tile([0.5, -0.5], 32)[None]
    found = np.array([Random("float64", seed).sum(terms, 1)[0] for seed in range(20)])
    assert (np.abs(found) > 1e-17).all()
    assert np.abs(found).max() < 100 * 2.0**-52 * 32


def test_a_product_covers_every_order_of_its_sum() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(1, 300)), rng.normal(size=(300, 1))
    orders = [float(np.add.accumulate(a[0, o] * b[o, 0])[-1]) for o in (rng.permutation(300) for _ in range(200))]
    draws = [float(Random("float64", seed).product(a, b)[0, 0]) for seed in range(DRAWS)]
    exact = float((a.astype(np.longdouble) @ b.astype(np.longdouble))[0, 0])
    assert np.abs(np.array(orders) - exact).max() < T * np.sqrt(np.mean(np.square(np.array(draws) - exact)))


def test_float32_overflows_and_every_other_draw_flushes() -> None:
    y = np.array([1e39, 1e-40])
    with np.errstate(over="ignore"):
        kept, flushed = Random("float32", 1)(y), Random("float32", 2)(y)
    assert kept[0] == flushed[0] == np.inf
    assert 0 < kept[1] < 2e-40
    assert flushed[1] == 0
    assert (Random("float64", 2)(y) > 0).all()


def test_what_frameworks_lose_on_the_way_a_draw_loses_too() -> None:
    y, ordinary, tiny = np.full(4, 1e-20), np.full(4, 1e-3), np.full(4, 1e-24)
    flushing = Random("float32", 2)
    assert np.array_equal(flushing.through(y, ordinary), y), "a product that float32 has"
    assert not flushing.through(y, tiny).any(), "a product below its smallest number"
    with np.errstate(over="ignore"):
        assert np.isinf(flushing.through(y, np.full(4, 1e60))).all(), "a product beyond its largest"
    assert np.array_equal(Random("float64", 2).through(y, tiny), y)
    assert np.array_equal(EXACT.through(y, tiny), y)


def test_what_frameworks_have_from_a_sum_less_one_of_its_terms_has_the_rounding_of_the_sum() -> None:
    y, other = np.full(1000, 1e-6), np.full(1000, 8.0)
    moved = np.abs(Random("float64", 1).beside(y, other) - y).max()
    assert 0.5 * 8 * 2.2e-16 < moved <= 8.01 * 2.3e-16
    assert np.array_equal(EXACT.beside(y, other), y)


def test_exact_arithmetic_may_take_the_other_side_of_a_kink(plan: Maker) -> None:
    z = np.array([[-1.0, 2.0]])
    assert EXACT.above(z, (0, 0)).tolist() == [[False, True]]
    assert Exact({(0, 0): np.array([[True, False]])}).above(z, (0, 0)).tolist() == [[True, False]]


# Single steps


def judge_of(plan: Plan, step: int = 0) -> Judge:
    (judge,) = references.judges(plan, task.load(plan.task), {step: draw.state(plan)})
    return judge


def step_of(definition: Backend, plan: Plan) -> Step:
    data = task.load(plan.task)
    batch = next(draw.batches(plan, data))
    return judging.take(definition.program(plan, "cpu"), draw.state(plan), batch, data.x_test[judging.evaluated(data)], plan)


def small(plan: Maker, **changes: Any) -> Plan:
    return plan(**({"features": 64, "classes": 10, "depth": 5, "width": 8} | changes))


@pytest.fixture(params=["relu plain float64", "tanh batch float64", "elu plain float32"])
def case(request: pytest.FixtureRequest, plan: Maker) -> Plan:
    activation, normalization, precision = request.param.split()
    normalization = {"plain": "none"}.get(normalization, normalization)
    clipping = {"kind": "norm", "threshold": 0.01}
    return small(plan, activation=activation, normalization=normalization, precision=precision, clipping=clipping)


def moved(step: Step, key: Key, index: tuple[int, ...], by: float) -> Step:
    """The step with one element of one of its arrays moved."""

    def changed(a: np.ndarray) -> np.ndarray:
        a = a.copy()
        a[index] += by
        return a

    gradients, state = step.gradients, step.state
    match key.what:
        case "loss":
            return replace(step, gradients=replace(gradients, loss=changed(gradients.loss)))
        case "signal gradient":
            return replace(step, gradients=replace(gradients, signal=changed(gradients.signal)))
        case "gradient":
            new = gradients.parameters | {key.name: changed(gradients.parameters[key.name])}
            return replace(step, gradients=replace(gradients, parameters=new))
        case "clipped gradient":
            new = gradients.clipped | {key.name: changed(gradients.clipped[key.name])}
            return replace(step, gradients=replace(gradients, clipped=new))
        case "value after the step":
            new = state.parameters | {key.name: changed(state.parameters[key.name])}
            return replace(step, state=replace(state, parameters=new))
        case "running value":
            new = state.statistics | {key.name: changed(state.statistics[key.name])}
            return replace(step, state=replace(state, statistics=new))
        case "evaluation output":
            return replace(step, logits=changed(step.logits))
    return replace(step, quantities=step.quantities | {key.what: changed(step.quantities[key.what])})


def test_whatever_a_step_gives_is_compared_and_named(definition: Backend, case: Plan) -> None:
    judge, exact = judge_of(case), step_of(definition, case)
    clean = judge.check(exact, exact, case)
    assert (clean.outcome, clean.error) == ("agrees", 0.0)
    assert {key.what for key in all_of(exact)} >= set(QUANTITIES)
    for key, value in all_of(exact).items():
        index = tuple(size - 1 for size in value.shape)
        entry = index[:2]
        bound = float(judge.bounds[key][entry])
        array_index = (index[0], *index[2:]) if key.what == EVALUATION else index
        within = judge.check(moved(exact, key, array_index, 0.9 * bound), exact, case)
        beyond = judge.check(moved(exact, key, array_index, 1.2 * bound), exact, case)
        assert within.outcome == "agrees", key
        assert beyond.outcome == "broken", key
        assert beyond.where == key.place(entry, case)
        assert beyond.reason
        assert beyond.reason.startswith(f"{beyond.where}, step 0: error ")


@pytest.mark.parametrize(
    ("key", "index", "words"),
    [
        (Key("gradient", "first.weight"), (1, 0), "gradient of weight, layer 1, seed 7"),
        (Key("gradient", "hidden.weight"), (0, 2), "gradient of weight, layer 4, seed 3"),
        (Key("running value", "hidden.mean"), (0, 0), "running value of mean, layer 2, seed 3"),
        (Key("clipped gradient", "output.bias"), (1, 0), "clipped gradient of bias, output layer, seed 7"),
        (SIGNAL, (0, 4), "signal gradient, layer 5, seed 3"),
        (Key("dead_fraction"), (0, 0), "dead_fraction, layer 1, seed 3"),
        (Key("loss"), (1,), "loss, seed 7"),
        (Key(EVALUATION), (1, 0), "evaluation output, seed 7"),
    ],
)
def test_a_place_is_told_in_the_words_of_the_report(plan: Maker, key: Key, index: tuple[int, ...], words: str) -> None:
    assert key.place(index, plan(depth=5, normalization="batch", seeds=(3, 7))) == words


def test_a_cancelling_gradient_is_held_to_what_was_summed(definition: Backend, plan: Maker, tmp_path: Any) -> None:
    """Classes balanced in a batch: the gradient of the output bias is a sum of +1/2 and -1/2, and truly about 1e-17."""
    order = np.random.default_rng(np.random.Philox(key=0)).permutation(240)
    y = np.zeros(240, int)
    y[order[48:][::2]] = 1
    np.savez(tmp_path / "bal.npz", x=np.random.default_rng(3).normal(size=(240, 2)), y=y)
    source = {"source": str(tmp_path / "bal.npz"), "batch_size": 192}
    balanced = plan(features=2, classes=2, activation="relu", depth=60)
    balanced = balanced.model_copy(update={"task": task.Task.model_validate(source)})
    judge, exact = judge_of(balanced), step_of(definition, balanced)
    key = Key("gradient", "output.bias")
    assert np.abs(exact.gradients.parameters["output.bias"]).max() < 1e-12
    assert judge.blind is None
    assert judge.check(moved(exact, key, (0, 0, 0), 3e-16), exact, balanced).outcome == "agrees"
    assert judge.check(moved(exact, key, (0, 0, 0), 1e-11), exact, balanced).outcome == "broken"


def test_a_step_that_rounding_swallows_cannot_be_judged(plan: Maker) -> None:
    still = small(plan, learning_rate=1e-30)
    start = draw.state(still)
    away_from_0 = State({name: a + 0.1 for name, a in start.parameters.items()}, start.statistics)
    (judge,) = references.judges(still, task.load(still.task), {0: away_from_0})
    assert judge.blind == "no weight moves by more than its rounding in float64"


def test_a_network_that_rounding_moves_by_its_own_size_cannot_be_judged(definition: Backend, plan: Maker) -> None:
    numbers = {"depth": 60, "batch_size": 4, "precision": "float32"}
    deep = small(plan, activation="relu", normalization="batch", initialization="he", **numbers)
    judge, exact = judge_of(deep), step_of(definition, deep)
    assert judge.blind
    check = judge.check(exact, exact, deep)
    assert (check.outcome, check.reason) == ("cannot be judged", judge.blind)
    wrong = moved(exact, Key("running value", "first.mean"), (0, 0, 0), 1.0)
    assert judge.check(wrong, exact, deep).outcome == "broken", "what can be seen is judged all the same"


def test_what_overflows_in_float32_cannot_be_judged_in_it(plan: Maker) -> None:
    explosive = {"activation": "relu", "initialization": {"kind": "gaussian", "std": 1e10}}
    assert "overflows in float32" in str(judge_of(small(plan, **explosive, precision="float32", depth=6)).blind)


def test_a_definition_that_is_not_finite_at_first_judges_only_that_the_wing_is_not_either(
    definition: Backend, plan: Maker
) -> None:
    broken = small(plan, activation="relu", initialization={"kind": "gaussian", "std": 1e80}, depth=6)
    data = task.load(broken.task)
    assert references.judges(broken, data, {0: draw.state(broken)}) == []
    (check,) = judging.checks(definition.program(broken, "cpu"), broken, data, [])
    assert check.outcome == "cannot be judged"
    (check,) = judging.checks(definition.program(small(plan), "cpu"), small(plan), data, [])
    assert check.outcome == "broken"


def test_a_run_that_turns_non_finite_is_judged_before_that(plan: Maker) -> None:
    wild = small(plan, activation="relu", initialization="he", depth=10, learning_rate=100.0, steps=40)
    found = references.judges(wild, task.load(wild.task), {0: draw.state(wild), 39: draw.state(wild)})
    steps = [judge.step for judge in found]
    assert steps[0] == 0
    assert all(np.isfinite(a).all() for judge in found for a in judge.before.parameters.values())


def test_kinks_within_rounding_widen_the_bound_and_others_do_not(definition: Backend, plan: Maker) -> None:
    relu = small(plan, activation="relu", initialization="he")
    before = draw.state(relu)
    exact = step_of(definition, relu)
    quiet = judge_of(relu).bounds[Key("gradient", "first.weight")]
    program: Any = definition.program(relu, "cpu")
    judging.take(program, before, next(draw.batches(relu, task.load(relu.task))), task.load(relu.task).x_test[:4], relu)
    z = {(layer.number, 0): layer.z[0].copy() for layer in program.measured_layers}
    inside = Inside(z, {layer.number: layer.h for layer in program.measured_layers}, program.updates)
    bounds = Bounds(relu, before, exact, inside)
    assert bounds.kinks() == []
    inside.z[0, 0][0, 0, 0] = 1e-17  # as near as rounding
    bounds.spread[0, 0][0, 0, 0] = 1e-17
    up, down, some, others = bounds.kinks()
    assert (up[0, 0][0, 0, 0], down[0, 0][0, 0, 0]) == (True, False)
    assert some[0, 0][0, 0, 0] != others[0, 0][0, 0, 0]
    assert (quiet < 1e-12).all()


@QUICK
@given(count=st.integers(1, 500))
def test_the_judged_steps_are_the_first_the_last_and_some_between(count: int) -> None:
    found = judged_steps(count)
    assert found[0] == 0
    assert found[-1] == count - 1
    assert len(found) == len(set(found)) == min(count, agreement.JUDGED_STEPS)


def test_references_survive_the_disk(plan: Maker, tmp_path: Any) -> None:
    one = small(plan, normalization="batch")
    data = task.load(one.task)
    judges = references.judges(one, data, {0: draw.state(one), 2: draw.state(one)})
    references.write([judges, judges[:1]], tmp_path / "r.npz")
    first, second = references.read(tmp_path / "r.npz")
    assert ([judge.step for judge in first], len(second)) == ([0, 2], 1)
    for found, expected in zip(first, judges, strict=True):
        assert found.blind == expected.blind
        assert found.bounds.keys() == expected.bounds.keys()
        assert all(np.array_equal(found.bounds[key], a) for key, a in expected.bounds.items())
        for kind in ("parameters", "statistics"):
            held, kept = getattr(found.before, kind), getattr(expected.before, kind)
            assert held.keys() == kept.keys()
            assert all(np.array_equal(held[name], a) for name, a in kept.items())


# The free run


def _trace(values: np.ndarray) -> Trace:
    """A trace [seed 2, step 3, layer 4] with the values in all quantities, and their first layer as the loss."""
    return Trace(np.arange(values.shape[1]), values[..., 0], dict.fromkeys(QUANTITIES, values))


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


@pytest.mark.parametrize("size", [1e-250, 1e-170, 1.0, 1e170])
def test_draws_have_a_spread_whatever_their_size(size: float) -> None:
    rms = np.zeros(3)
    for _ in range(DRAWS):
        rms = with_another(rms, np.array([0.0, size, 2 * size]))
    assert np.allclose(rms, [0.0, size, 2 * size], rtol=1e-14, atol=0)
    terms = np.full((2, 3, 4), size)
    for axes, count in (((-1,), 4), ((-2,), 3), ((1, 2), 12)):
        with np.errstate(over="ignore", under="ignore"):  # as in a step of the definition
            found = norms(terms, axes)
        assert np.allclose(found, np.sqrt(count) * size, rtol=1e-14, atol=0)
    assert norms(0 * terms, (-1,)).max() == 0
    with np.errstate(over="ignore", under="ignore"):
        product = Random("float64", seed=1).product(terms, np.swapaxes(terms, 1, 2) / size)
    assert len(np.unique(product)) > 1, "numbers have roundings of their own"


def test_a_signal_of_1e_minus_200_has_a_bound(definition: Backend, plan: Maker) -> None:
    one = plan(
        features=64, classes=10, activation="sigmoid", depth=40, width=4, initialization={"kind": "gaussian", "std": 1e-5}
    )
    (judge,) = references.judges(one, task.load(one.task), {0: draw.state(one)})
    (batch,) = islice(draw.batches(one, task.load(one.task)), 1)
    step = judging.take(definition.program(one, "cpu"), judge.before, batch, batch.x[0], one)
    signal, bounds = largest(step.gradients.signal), judge.bounds[SIGNAL]
    assert signal[0, 0] < 1e-190
    assert (bounds > 8 * np.finfo("float64").eps * signal).all(), "more than the rounding of the number itself"


def away(by: list[float]) -> Trace:
    """A run that is so far from one of ones at each step."""
    return _trace(np.ones((2, len(by), 4)) * (1 - np.array(by))[None, :, None])


OWN = [1e-12, 1e-11, 1e-10, 1e-9, 1e-9]


@pytest.mark.parametrize("step", range(5))
def test_a_free_run_parts_where_it_is_beyond_100_times_a_draw_up_to_the_next_step(plan: Maker, step: int) -> None:
    bound = MARGIN * OWN[min(step + 1, 4)]
    for share, outcome in ((0.9, "comparable"), (1.1, "broken")):
        by = [0.0] * 5
        by[step] = share * bound
        found = free_run(plan(), away(by), away([0.0] * 5), OWN)
        assert (found.outcome, found.step) == (outcome, step if outcome == "broken" else None)
    assert found.reason == f"the free run parts from the definition's at step {step}"
    assert found.bound == pytest.approx(bound, rel=1e-4)


def test_a_run_is_chaotic_from_where_its_bound_bounds_nothing(plan: Maker) -> None:
    own = [1e-12, 1e-8, 1e-5, CHAOS / MARGIN, 0.5]
    apart = away([1e-11, 1e-7, 0.9, 0.9, 0.9])
    found = free_run(plan(), apart, away([0.0] * 5), own)
    assert (found.outcome, found.step) == ("chaotic", 2), "the bound looks one step ahead"
    assert found.reason == "chaotic from step 2: two runs of one framework would part too"
    assert found.divergence == pytest.approx(1e-7, rel=1e-3), "of the steps that were compared"


def test_a_run_that_leaves_before_the_chaos_is_broken(plan: Maker) -> None:
    own = [1e-12, 1e-12, 1e-5, 0.5, 0.5]
    assert free_run(plan(), away([0.0, 0.9, 0.9, 0.9, 0.9]), away([0.0] * 5), own).outcome == "broken"


def test_in_float32_a_free_run_beyond_its_bound_is_chaotic(plan: Maker) -> None:
    found = free_run(plan(precision="float32"), away([0.0, 0.0, 0.5, 0.5, 0.5]), away([0.0] * 5), OWN)
    assert (found.outcome, found.step) == ("chaotic", 2)


@pytest.mark.parametrize(("activation", "own", "outcome"), [
    ("leaky_relu", 1e-7, "chaotic"), ("leaky_relu", 1e-12, "broken"), ("tanh", 1e-7, "broken"),
])  # fmt: skip
def test_a_kink_decides_only_where_a_number_may_lie_between_the_runs(
    plan: Maker, activation: str, own: float, outcome: str
) -> None:
    one = plan(activation=activation)
    found = free_run(one, away([0.0, 0.0, 0.3, 0.3, 0.3]), away([0.0] * 5), [own] * 5)
    assert (found.outcome, found.step) == (outcome, 2)
    if outcome == "chaotic":
        assert found.reason == "chaotic from step 2: one number on the other side of a kink decides when two runs part"


@pytest.mark.parametrize("which", ["definition", "rounded"])
def test_a_free_run_is_compared_while_the_definition_is_finite(plan: Maker, which: str) -> None:
    def found(by: list[float], finite: int) -> str:
        definition, own = away([0.0] * 5), np.array(OWN)
        if which == "definition":
            definition.loss[1, finite:] = np.nan
        else:
            own[finite:] = np.nan
        return free_run(plan(), away(by), definition, list(own)).outcome

    assert found([0.0, 0.0, 0.0, 0.9, 0.9], finite=3) == "comparable"
    assert found([0.0, 0.0, 0.9, 0.9, 0.9], finite=3) == "broken"
    assert found([0.9] * 5, finite=0) == "cannot be judged"


@pytest.mark.parametrize(("apart", "parts"), [(3e-15, False), (4e-15, True), (1e-12, True)])
def test_a_loss_has_digits_of_1_only(plan: Maker, apart: float, parts: bool) -> None:
    """A sample that is fit to 1e-11: its loss is a difference of numbers of about 1."""
    loss = np.full((2, 3), 5e-11)
    quantities: dict[str, np.ndarray] = {name: np.ones((2, 3, 4)) for name in QUANTITIES}
    exact, moved = (Trace(np.arange(3), a, quantities) for a in (loss, loss + apart))
    assert (divergence(moved, exact, plan()).max() > 0) == parts
    assert divergence(moved, exact).max() > 0


def test_what_the_precision_does_not_have_is_no_divergence(plan: Maker) -> None:
    one = plan(precision="float32")
    tiny, zero = _trace(np.full((2, 3, 4), 1e-60)), _trace(np.zeros((2, 3, 4)))
    assert free_run(one, zero, tiny, [0.0] * 3).outcome == "comparable"
    assert free_run(one, zero, tiny, [0.0] * 3).divergence == 0
    assert divergence(zero, tiny).max() == 1


def the_draw(plan: Plan) -> tuple[Trace, Trace]:
    """The definition's run of a plan, exact and rounded at random, to the end."""
    data, found = task.load(plan.task), []
    for rounding in (EXACT, Random(plan.precision, seed=0)):
        program = Definition(plan, rounding=rounding)
        program.load(draw.state(plan))
        found.append(train(program, plan, draw.batches(plan, data)).trace)
    return found[0], found[1]


@pytest.mark.parametrize("record_every", [1, 3])
def test_the_sensitivity_is_the_divergence_of_a_draw_over_all_groups_of_seeds(plan: Maker, record_every: int) -> None:
    one = small(plan, activation="tanh", steps=6, record_every=record_every)
    groups = [one.model_copy(update={"seeds": (seed,)}) for seed in one.seeds]
    pairs = [the_draw(group) for group in groups]
    own = sensitivity(groups, task.load(one.task), [exact for exact, _ in pairs])
    assert own == list(np.max([divergence(rounded, exact, one) for exact, rounded in pairs], axis=0))
    assert 0 < max(own) < 1e-10


def test_the_sensitivity_ends_where_the_draw_is_chaotic(plan: Maker) -> None:
    one = small(plan, normalization="batch", activation="relu", depth=30, steps=12)
    exact, rounded = the_draw(one)
    whole = divergence(rounded, exact, one)
    ends = int(np.argmax(whole >= CHAOS / MARGIN))
    assert 0 < ends < 11
    own = sensitivity([one], task.load(one.task), [exact])
    assert own == [*whole[: ends + 1], *[1.0] * (11 - ends)]
    apart = exact.at(0)
    assert free_run(one, exact, exact, own).step == ends - 1, "the bound looks one step ahead"
    assert (apart.steps.tolist(), apart.loss.shape) == ([0], (len(one.seeds), 1))


def test_the_sensitivity_is_not_a_number_where_the_draw_is_not_finite(plan: Maker) -> None:
    one = small(plan, activation="relu", learning_rate=1e60, steps=12)
    exact, _ = the_draw(one)
    ends = int(np.argmin(finite(exact)))
    assert 0 < ends < 12
    own = sensitivity([one], task.load(one.task), [exact])
    assert np.isfinite(own).tolist() == [step < ends for step in range(12)]


# Evaluation of the whole test set, and steps in the run


class Confuses:
    """The definition, wrong in evaluation for one sample of the test set, which the draws do not evaluate."""

    def __init__(self, program: Any) -> None:
        self.program = program

    def __getattr__(self, name: str) -> Any:
        return getattr(self.program, name)

    def predict(self, x: np.ndarray) -> np.ndarray:
        logits = self.program.predict(x)
        logits[1, 5] *= 1.001
        return logits


def test_one_wrong_sample_of_the_whole_test_set_is_named(definition: Backend, plan: Maker) -> None:
    one = small(plan, steps=1)
    data = task.load(one.task)
    judges = references.judges(one, data, {0: draw.state(one)})
    assert 5 not in judging.evaluated(data)
    (check,) = judging.checks(definition.program(one, "cpu"), one, data, judges)
    assert check.outcome == "agrees"
    wrong: Any = Confuses(definition.program(one, "cpu"))
    (check,) = judging.checks(wrong, one, data, judges)
    assert (check.outcome, check.where) == ("broken", "evaluation output of test sample 5, seed 1")


@pytest.mark.parametrize(("share", "seen"), [(1e-9, True), (0.4, True), (0.6, False)])
def test_the_bound_on_all_samples_bounds_something_wherever_that_on_the_drawn_ones_does(
    definition: Backend, plan: Maker, share: float, seen: bool
) -> None:
    one = small(plan, steps=1)
    judge = judge_of(one)
    program, x_test = definition.program(one, "cpu"), task.load(one.task).x_test
    program.load(draw.state(one))
    expected = program.predict(np.broadcast_to(x_test, (len(one.seeds), *x_test.shape)))
    key = Key(EVALUATION)
    wide = replace(judge, bounds=judge.bounds | {key: share * largest(expected[:, None])})
    found = expected.copy()
    found[1, 5] += 0.7 * np.abs(expected[1]).max()
    check = wide.check_all_samples(found, expected, np.arange(len(x_test)), one, nothing_more)
    assert check.outcome == ("broken" if seen else "agrees")


def nothing_more(samples: np.ndarray) -> np.ndarray:
    """Draws of samples that show nothing."""
    return np.zeros((2, len(samples)))


@pytest.mark.parametrize(("wrong", "outcome"), [(1, "agrees"), (agreement.AGAIN, "agrees"), (agreement.AGAIN + 1, "broken")])
def test_a_few_samples_that_are_more_sensitive_than_others_are_drawn_themselves(
    definition: Backend, plan: Maker, wrong: int, outcome: str
) -> None:
    one = small(plan, steps=1)
    judge, x_test = judge_of(one), task.load(one.task).x_test
    program = definition.program(one, "cpu")
    program.load(draw.state(one))
    expected = program.predict(np.broadcast_to(x_test, (len(one.seeds), *x_test.shape)))
    found = expected.copy()
    found[1, :wrong] += 1e-6
    asked: list[int] = []

    def redraw(samples: np.ndarray) -> np.ndarray:
        asked.extend(samples)
        return np.full((2, len(samples)), 1e-5)

    drawn = judging.evaluated(task.load(one.task))
    assert judge.check_all_samples(found, expected, drawn, one, redraw).outcome == outcome
    assert asked == (list(range(wrong)) if outcome == "agrees" else [])
    assert judge.check_all_samples(found, expected, drawn, one, nothing_more).outcome == "broken"


def test_a_sample_a_million_times_as_sensitive_is_no_fault(tmp_path: Path) -> None:
    """Wrong: 50 layers with batch norm and a highway, one of 360 test samples of 6.8e3 beside 0.29: "broken" in all wings."""
    case: dict[str, Any] = next(
        one
        for one in pairs.cases()
        if one.get("skip") == "highway"
        and one["normalization"].kind == "batch"
        and one["activation"].kind == "leaky_relu"
        and one["optimizer"].kind == "adamw"
    )
    hard = pairs.plan_of(case, tmp_path)
    data = task.load(hard.task)
    program, states = Definition(hard), {}
    program.load(draw.state(hard))
    for batch in judging.watched(program, draw.batches(hard, data), [hard.steps - 1], states):
        program.step(batch)
    judges = references.judges(hard, data, states)
    noisy = Definition(hard, rounding=Random("float64", 99))
    (check,) = judging.checks(noisy, hard, data, judges)
    assert check.outcome == "agrees", check.reason


class Keeps:
    """The definition with a fault that no single step shows: each step but the first after loading starts from old weights."""

    def __init__(self, program: Any) -> None:
        self.program, self.stale = program, None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.program, name)

    def load(self, state: State, plan: Plan | None = None) -> None:
        self.stale = None
        self.program.load(state, plan)

    def step(self, batch: Any) -> Any:
        if self.stale is not None:
            self.program.parameters = self.stale
        self.stale = dict(self.program.parameters)
        return self.program.step(batch)


class Slows(Keeps):
    """Its rate is halved from the third step on."""

    def load(self, state: State, plan: Plan | None = None) -> None:
        self.count = 0
        self.program.load(state, plan)

    def step(self, batch: Any) -> Any:
        self.count += 1
        if self.count == 3:
            optimizer = self.program.plan.optimizer
            halved = optimizer.model_copy(update={"learning_rate": optimizer.learning_rate / 2})
            self.program.plan = self.program.plan.model_copy(update={"optimizer": halved})
        return self.program.step(batch)


class Late(Keeps):
    """What it measured is that of the step before the fetch."""

    def step(self, batch: Any) -> Any:
        self.found = self.program.step(batch)
        return {}

    def measured(self, handle: Any) -> dict[str, np.ndarray]:
        return self.program.measured(self.found)


@pytest.mark.parametrize(
    ("program", "record_every", "steps"),
    [
        *((None, every, []) for every in (1, 3, 10)),
        (Keeps, 1, [1, 2, 4]), (Keeps, 3, [2, 3, 4]), (Keeps, 10, [2, 4]),
        (Slows, 1, [2, 4]), (Slows, 3, [2, 3, 4]), (Slows, 10, [2, 4]),
        (Late, 1, [1, 2]), (Late, 3, [3]), (Late, 10, []),
    ],
)  # fmt: skip
def test_what_a_program_keeps_beside_its_state_is_seen_in_the_run(
    definition: Backend, plan: Maker, program: Any, record_every: int, steps: list[int]
) -> None:
    one = small(plan, normalization="batch", activation="relu", steps=5, record_every=record_every)
    data = task.load(one.task)
    wing = definition.program(one, "cpu")
    wing = program(wing) if program else wing
    wing.load(draw.state(one))
    states: dict[int, State] = {}
    trace = train(wing, one, judging.watched(wing, draw.batches(one, data), range(5), states)).trace
    states[5] = wing.state()
    drifts = judging.drifts(wing, one, data, judging.Kept(trace, states))
    assert [(check.step, check.outcome) for check in drifts] == [(step, "broken") for step in steps]
    judges = references.judges(one, data, {0: draw.state(one)})
    assert [check.outcome for check in judging.checks(wing, one, data, judges)] == ["agrees"], "a single step does not show it"
