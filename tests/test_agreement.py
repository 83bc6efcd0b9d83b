"""What a single step of a wing is held to: its distance from the definition's, in whose every array
a fault is named.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from common import draw, task
from common.agreement import DRAWS, T
from common.apart import Inside
from common.backend import Backend
from common.bounds import Bounds
from common.network import State
from common.plan import Plan
from common.quantities import QUANTITIES
from common.step import EVALUATION, SIGNAL, Key, all_of, distance
from experiments import judging, references
from tests.judged import QUICK, Maker, judge_of, moved, small, step_of

SHAPE = (2, 3, 4)
anything = st.floats(-1e100, 1e100) | st.sampled_from([0.0, np.inf, -np.inf, np.nan])
ordinary = arrays(np.float64, SHAPE, elements=st.floats(0.01, 100) | st.floats(-100, -0.01))


@QUICK
@given(a=arrays(np.float64, SHAPE, elements=anything))
def test_an_array_agrees_with_itself_whatever_is_in_it(a: np.ndarray) -> None:
    assert not distance(a, a.copy()).any()


@QUICK
@given(a=ordinary, bad=st.sampled_from([np.nan, np.inf, -np.inf]), place=st.integers(0, 23))
def test_a_value_that_is_finite_on_one_side_only_is_infinitely_far(
    a: np.ndarray, bad: float, place: int
) -> None:
    b = a.copy()
    b.flat[place] = bad
    at = np.unravel_index(place, SHAPE)[:2]
    assert distance(a, b)[at] == distance(b, a)[at] == np.inf


@QUICK
@given(a=ordinary, error=st.floats(1e-12, 1), place=st.integers(0, 23))
def test_the_distance_is_that_of_the_worst_element_of_its_own_layer(
    a: np.ndarray, error: float, place: int
) -> None:
    b = a.copy()
    b.flat[place] += error
    expected = np.zeros(SHAPE[:2])
    expected[np.unravel_index(place, SHAPE)[:2]] = abs(b.flat[place] - a.flat[place])
    assert np.array_equal(distance(a, b), expected)


def test_t_is_the_quantile_that_the_docstring_names() -> None:
    assert pytest.approx(stats.t.ppf(1 - 1e-9 / 2, DRAWS), rel=2e-3) == T


@pytest.fixture(params=["relu plain float64", "tanh batch float64", "elu plain float32"])
def case(request: pytest.FixtureRequest, plan: Maker) -> Plan:
    activation, normalization, precision = request.param.split()
    normalization = {"plain": "none"}.get(normalization, normalization)
    clipping = {"kind": "norm", "threshold": 0.01}
    return small(
        plan,
        activation=activation,
        normalization=normalization,
        precision=precision,
        clipping=clipping,
    )


def test_whatever_a_step_gives_is_compared_and_named(definition: Backend, case: Plan) -> None:
    judge = judge_of(case)
    exact = step_of(definition, case)
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
        (
            Key("clipped gradient", "output.bias"),
            (1, 0),
            "clipped gradient of bias, output layer, seed 7",
        ),
        (SIGNAL, (0, 4), "signal gradient, layer 5, seed 3"),
        (Key("dead_fraction"), (0, 0), "dead_fraction, layer 1, seed 3"),
        (Key("loss"), (1,), "loss, seed 7"),
        (Key(EVALUATION), (1, 0), "evaluation output, seed 7"),
    ],
)
def test_a_place_is_told_in_the_words_of_the_report(
    plan: Maker, key: Key, index: tuple[int, ...], words: str
) -> None:
    assert key.place(index, plan(depth=5, normalization="batch", seeds=(3, 7))) == words


def test_a_cancelling_gradient_is_held_to_what_was_summed(
    definition: Backend, plan: Maker, tmp_path: Any
) -> None:
    """Classes balanced in a batch: the gradient of the output bias is a sum of +1/2 and -1/2, and
    truly about 1e-17.
    """
    order = np.random.default_rng(np.random.Philox(key=0)).permutation(240)
    y = np.zeros(240, int)
    y[order[48:][::2]] = 1
    np.savez(tmp_path / "bal.npz", x=np.random.default_rng(3).normal(size=(240, 2)), y=y)
    source = {"source": str(tmp_path / "bal.npz"), "batch_size": 192}
    balanced = plan(features=2, classes=2, activation="relu", depth=60)
    balanced = balanced.model_copy(update={"task": task.Task.model_validate(source)})
    judge = judge_of(balanced)
    exact = step_of(definition, balanced)
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


def test_a_network_that_rounding_moves_by_its_own_size_cannot_be_judged(
    definition: Backend, plan: Maker
) -> None:
    numbers = {"depth": 60, "batch_size": 4, "precision": "float32"}
    deep = small(plan, activation="relu", normalization="batch", initialization="he", **numbers)
    judge = judge_of(deep)
    exact = step_of(definition, deep)
    assert judge.blind
    check = judge.check(exact, exact, deep)
    assert (check.outcome, check.reason) == ("cannot be judged", judge.blind)
    wrong = moved(exact, Key("running value", "first.mean"), (0, 0, 0), 1.0)
    assert judge.check(wrong, exact, deep).outcome == "broken", (
        "what can be seen is judged all the same"
    )


def test_what_overflows_in_float32_cannot_be_judged_in_it(plan: Maker) -> None:
    explosive = {"activation": "relu", "initialization": {"kind": "gaussian", "std": 1e10}}
    assert "overflows in float32" in str(
        judge_of(small(plan, **explosive, precision="float32", depth=6)).blind
    )


def test_a_definition_that_is_not_finite_at_first_judges_only_that_the_wing_is_not_either(
    definition: Backend, plan: Maker
) -> None:
    broken = small(
        plan, activation="relu", initialization={"kind": "gaussian", "std": 1e80}, depth=6
    )
    data = task.load(broken.task)
    assert references.judges(broken, data, {0: draw.state(broken)}) == []
    (check,) = judging.checks(definition.program(broken, "cpu"), broken, data, [])
    assert check.outcome == "cannot be judged"
    (check,) = judging.checks(definition.program(small(plan), "cpu"), small(plan), data, [])
    assert check.outcome == "broken"


def test_a_run_that_turns_non_finite_is_judged_before_that(plan: Maker) -> None:
    wild = small(
        plan, activation="relu", initialization="he", depth=10, learning_rate=100.0, steps=40
    )
    found = references.judges(
        wild, task.load(wild.task), {0: draw.state(wild), 39: draw.state(wild)}
    )
    steps = [judge.step for judge in found]
    assert steps[0] == 0
    *others, last = found
    assert all(judge.everywhere is None for judge in others)
    assert last.everywhere is not None
    assert all(np.isfinite(a).all() for judge in found for a in judge.before.parameters.values())


def test_kinks_within_rounding_widen_the_bound_and_others_do_not(
    definition: Backend, plan: Maker
) -> None:
    relu = small(plan, activation="relu", initialization="he")
    before = draw.state(relu)
    exact = step_of(definition, relu)
    quiet = judge_of(relu).bounds[Key("gradient", "first.weight")]
    program: Any = definition.program(relu, "cpu")
    judging.take(
        program,
        before,
        next(draw.batches(relu, task.load(relu.task))),
        task.load(relu.task).x_test[:4],
        relu,
    )
    z = {(layer.number, 0): layer.z[0].copy() for layer in program.measured_layers}
    inside = Inside(
        z, {layer.number: layer.h for layer in program.measured_layers}, program.updates
    )
    bounds = Bounds(relu, before, exact, inside)
    assert bounds.kinks() == []
    inside.z[0, 0][0, 0, 0] = 1e-17  # as near as rounding
    bounds.spread[0, 0][0, 0, 0] = 1e-17
    up, down, some, others = bounds.kinks()
    assert (up[0, 0][0, 0, 0], down[0, 0][0, 0, 0]) == (True, False)
    assert some[0, 0][0, 0, 0] != others[0, 0][0, 0, 0]
    assert (quiet < 1e-12).all()
