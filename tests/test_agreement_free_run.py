"""The free run: where two runs part, and the sensitivity that says how far they may."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backends.numpy.monte_carlo import Random
from backends.numpy.rounding import EXACT
from backends.numpy.training import Program as Definition
from common import draw, task
from common.backend import train
from common.free_run import CHAOS, MARGIN, divergence, finite, free_run
from common.plan import Plan
from common.quantities import QUANTITIES
from common.trace import Trace
from experiments.sensitivity import sensitivity
from tests.judged import QUICK, Maker, small


def _trace(values: np.ndarray) -> Trace:
    """A trace [seed 2, step 3, layer 4] with the values in all quantities, and their first layer as
    the loss.
    """
    return Trace(np.arange(values.shape[1]), values[..., 0], dict.fromkeys(QUANTITIES, values))


measured = arrays(
    np.float64, (2, 3, 4), elements=st.floats(0, 1e300) | st.sampled_from([0.0, np.inf, np.nan])
)


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
    a = _trace(np.ones((2, 3, 4)))
    b = _trace(np.ones((2, 3, 4)))
    values = b.loss.copy() if name == "loss" else b.quantities[name].copy()
    values[(1, 2) if name == "loss" else (1, 2, 3)] = 0.75
    b = (
        replace(b, loss=values)
        if name == "loss"
        else replace(b, quantities=b.quantities | {name: values})
    )
    assert divergence(a, b).tolist() == [0, 0, 0.25]


def test_runs_that_are_both_not_finite_do_not_diverge_and_one_that_is_alone_does() -> None:
    nan = np.full((2, 3, 4), np.nan)
    one = np.ones((2, 3, 4))
    assert divergence(_trace(nan), _trace(nan * 0 + np.inf)).tolist() == [0, 0, 0]
    assert divergence(_trace(nan), _trace(one)).tolist() == [1, 1, 1]


def away(by: list[float]) -> Trace:
    """A run that is so far from one of ones at each step."""
    return _trace(np.ones((2, len(by), 4)) * (1 - np.array(by))[None, :, None])


OWN = [1e-12, 1e-11, 1e-10, 1e-9, 1e-9]


@pytest.mark.parametrize("step", range(5))
def test_a_free_run_parts_where_it_is_beyond_100_times_a_draw_up_to_the_next_step(
    plan: Maker, step: int
) -> None:
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
    assert (
        free_run(plan(), away([0.0, 0.9, 0.9, 0.9, 0.9]), away([0.0] * 5), own).outcome == "broken"
    )


def test_in_float32_a_free_run_beyond_its_bound_is_chaotic(plan: Maker) -> None:
    found = free_run(
        plan(precision="float32"), away([0.0, 0.0, 0.5, 0.5, 0.5]), away([0.0] * 5), OWN
    )
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
        assert found.reason == (
            "chaotic from step 2: one number on the other side of a kink decides when two runs part"
        )


@pytest.mark.parametrize("which", ["definition", "rounded"])
def test_a_free_run_is_compared_while_the_definition_is_finite(plan: Maker, which: str) -> None:
    def found(by: list[float], finite: int) -> str:
        definition = away([0.0] * 5)
        own = np.array(OWN)
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
    tiny = _trace(np.full((2, 3, 4), 1e-60))
    zero = _trace(np.zeros((2, 3, 4)))
    assert free_run(one, zero, tiny, [0.0] * 3).outcome == "comparable"
    assert free_run(one, zero, tiny, [0.0] * 3).divergence == 0
    assert divergence(zero, tiny).max() == 1


def the_draw(plan: Plan) -> tuple[Trace, Trace]:
    """The definition's run of a plan, exact and rounded at random, to the end."""
    data = task.load(plan.task)
    found = []
    for rounding in (EXACT, Random(plan.precision, seed=0)):
        program = Definition(plan, rounding=rounding)
        program.load(draw.state(plan))
        found.append(train(program, plan, draw.batches(plan, data)).trace)
    return found[0], found[1]


@pytest.mark.parametrize("record_every", [1, 3])
def test_the_sensitivity_is_the_divergence_of_a_draw_over_all_groups_of_seeds(
    plan: Maker, record_every: int
) -> None:
    one = small(plan, activation="tanh", steps=6, record_every=record_every)
    groups = [one.model_copy(update={"seeds": (seed,)}) for seed in one.seeds]
    pairs = [the_draw(group) for group in groups]
    own = sensitivity(groups, task.load(one.task), [exact for exact, _ in pairs])
    assert own == list(
        np.max([divergence(rounded, exact, one) for exact, rounded in pairs], axis=0)
    )
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


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_gradient_without_digits_is_no_divergence(plan: Maker, precision: str) -> None:
    """Batch norm divides what was flushed by the deviation's square: more than a sum's terms."""
    info = np.finfo(precision)
    for size, counts in ((0.5, False), (2.0, True)):
        values = np.full((2, 3, 4), size * info.smallest_normal / info.eps)
        moved = replace(_trace(0 * values), loss=_trace(values).loss)
        apart = divergence(moved, _trace(values), plan(precision=precision))
        assert (apart.max() > 0) == counts, size
