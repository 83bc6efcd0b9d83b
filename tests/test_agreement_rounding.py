"""Rounding at random, by which a bound is drawn: as large as that of a framework, and never
none.
"""

from __future__ import annotations

import math
from itertools import islice

import numpy as np
import pytest

from backends.numpy.monte_carlo import Random, norms
from backends.numpy.rounding import EXACT, Exact
from common import draw, task
from common.agreement import DRAWS, T
from common.apart import with_another
from common.backend import Backend
from common.step import SIGNAL, largest
from experiments import judging, references
from tests.judged import Maker


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_random_rounding_stays_within_a_unit_in_the_last_place_and_is_no_constant(
    precision: str,
) -> None:
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
    a = rng.normal(size=(1, 300))
    b = rng.normal(size=(300, 1))
    orders = [
        float(np.add.accumulate(a[0, o] * b[o, 0])[-1])
        for o in (rng.permutation(300) for _ in range(200))
    ]
    draws = [float(Random("float64", seed).product(a, b)[0, 0]) for seed in range(DRAWS)]
    exact = float((a.astype(np.longdouble) @ b.astype(np.longdouble))[0, 0])
    assert np.abs(np.array(orders) - exact).max() < T * np.sqrt(
        np.mean(np.square(np.array(draws) - exact))
    )


@pytest.mark.parametrize(("precision", "largest"), [("float32", 1e39), ("float64", 1e308)])
def test_a_draw_has_the_range_of_its_precision_and_every_other_one_flushes(
    precision: str, largest: float
) -> None:
    smallest = float(np.finfo(precision).smallest_normal)
    y = np.array([largest, smallest / 100, -smallest / 100, 0.0, 2 * smallest])
    with np.errstate(over="ignore"):
        kept, flushed, left = (
            (10 * Random(precision, seed, deep=True)(y)).tolist() for seed in (1, 0, 2)
        )
    assert kept[0] == flushed[0] == left[0] == np.inf
    assert 0 < kept[1] < smallest
    assert kept[1] == pytest.approx(-kept[2], rel=1e-3)
    assert flushed[1:4] == [0, 0, 0]
    # as another order of operations would have left something
    assert 0 < left[1] < 10 * smallest
    assert 0 > left[2] > -10 * smallest
    assert left[3] == 0
    assert flushed[4] == pytest.approx(20 * smallest, rel=1e-6)


def test_float64_flushes_only_where_numbers_come_near_its_smallest() -> None:
    y = np.full(4, 1e-310)
    assert (Random("float64", 0)(y) > 0).all()
    assert not Random("float64", 0, deep=True)(y).any()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_what_frameworks_lose_on_the_way_a_draw_loses_too(precision: str) -> None:
    smallest = float(np.finfo(precision).smallest_normal)
    y = np.full(100, math.sqrt(smallest))
    ordinary, tiny = np.full(100, 1e-3), np.full(100, math.sqrt(smallest) / 100)
    flushes, leaves = (Random(precision, seed, deep=True) for seed in (0, 2))
    assert np.array_equal(flushes.through(y, ordinary), y), "a product that there is"
    assert leaves.through(y, ordinary) == pytest.approx(y, rel=1e-12)
    assert not flushes.through(y, tiny).any(), "a product below the smallest number"
    left = leaves.through(y, tiny) / y
    assert 0 <= left.min() < 0.5 < 1.5 < left.max() <= 2, "as much as the product is unsure"
    for one in (flushes, leaves):
        assert np.array_equal(one.lost(y * tiny), y * tiny)
        assert np.abs(one.lost(y)).max() <= smallest, "a number that there is"
        with np.errstate(over="ignore"):
            beyond = one.through(np.full(4, 10.0), np.full(4, np.finfo(precision).max))
        assert np.isinf(beyond).all(), "a product beyond the largest"
    assert np.array_equal(EXACT.through(y, tiny), y)
    assert not EXACT.lost(y).any()


def test_what_frameworks_have_from_a_sum_less_one_of_its_terms_has_the_rounding_of_the_sum() -> (
    None
):
    y = np.full(1000, 1e-6)
    other = np.full(1000, 8.0)
    moved = np.abs(Random("float64", 1).beside(y, other) - y).max()
    assert 0.5 * 8 * 2.2e-16 < moved <= 8.01 * 2.3e-16
    assert np.array_equal(EXACT.beside(y, other), y)


def test_a_variance_that_rounding_makes_may_be_that_of_equal_numbers() -> None:
    mean, variance = np.array([1e6, 1e6, 0.0]), np.array([1e-20, 1e-10, 1e-20])
    assert Random("float64", 1).least(variance, mean).tolist() == [0.0, 1e-10, 1e-20]
    assert np.array_equal(EXACT.least(variance, mean), variance)


def test_exact_arithmetic_may_take_the_other_side_of_a_kink(plan: Maker) -> None:
    z = np.array([[-1.0, 2.0]])
    assert EXACT.above(z, (0, 0)).tolist() == [[False, True]]
    assert Exact({(0, 0): np.array([[True, False]])}).above(z, (0, 0)).tolist() == [[True, False]]


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
        features=64,
        classes=10,
        activation="sigmoid",
        depth=40,
        width=4,
        initialization={"kind": "gaussian", "std": 1e-5},
    )
    (judge,) = references.judges(one, task.load(one.task), {0: draw.state(one)})
    (batch,) = islice(draw.batches(one, task.load(one.task)), 1)
    step = judging.take(definition.program(one, "cpu"), judge.before, batch, batch.x[0], one)
    signal = largest(step.gradients.signal)
    bounds = judge.bounds[SIGNAL]
    assert signal[0, 0] < 1e-190
    assert (bounds > 8 * np.finfo("float64").eps * signal).all(), (
        "more than the rounding of the number itself"
    )
