"""Batches as they are drawn: no sample twice in an epoch, each seed in its own order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from common import draw
from common.network import Batch
from common.plan import Plan
from common.task import Data


def _numbered(n: int) -> Data:
    """Training samples whose only feature is their number, and whose label is its remainder by
    3.
    """
    numbers = np.arange(n)
    return Data(
        numbers[:, None].astype(float), numbers % 3, numbers[:1, None].astype(float), numbers[:1]
    )


def _draw(
    plan: Callable[..., Plan], n: int, size: int, steps: int, seeds: tuple[int, ...] = (0, 1)
) -> list[Batch]:
    return list(
        draw.batches(plan(batch_size=size, steps=steps, seeds=seeds, features=1), _numbered(n))
    )


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(1, 6),
    per_epoch=st.integers(1, 5),
    rest=st.integers(0, 5),
    steps=st.integers(1, 12),
)
def test_no_sample_is_seen_twice_in_an_epoch(
    plan: Callable[..., Plan], size: int, per_epoch: int, rest: int, steps: int
) -> None:
    n = size * per_epoch + min(rest, size - 1)
    found = _draw(plan, n, size, steps)
    assert len(found) == steps
    assert all(batch.x.shape == (2, size, 1) and batch.y.shape == (2, size) for batch in found)
    for epoch in range(0, steps, per_epoch):
        seen = np.concatenate(
            [batch.x[..., 0] for batch in found[epoch : epoch + per_epoch]], axis=1
        )
        assert all(len(np.unique(row)) == len(row) for row in seen)
        assert ((seen >= 0) & (seen < n)).all()


def test_a_sample_keeps_its_label(plan: Callable[..., Plan]) -> None:
    for batch in _draw(plan, 30, 7, 9):
        assert np.array_equal(batch.x[..., 0] % 3, batch.y)


def test_every_seed_and_epoch_has_an_order_of_its_own_and_it_is_the_same_each_time(
    plan: Callable[..., Plan],
) -> None:
    orders = np.stack([batch.x[..., 0] for batch in _draw(plan, 50, 50, 2)]).reshape(4, 50)
    assert len({tuple(order) for order in orders}) == 4
    assert (np.sort(orders) == np.arange(50)).all()
    assert np.array_equal(
        orders, np.stack([batch.x[..., 0] for batch in _draw(plan, 50, 50, 2)]).reshape(4, 50)
    )


def test_a_seeds_batches_do_not_depend_on_the_other_seeds(plan: Callable[..., Plan]) -> None:
    for a, b in zip(_draw(plan, 20, 4, 7, (0, 1)), _draw(plan, 20, 4, 7, (1, 9, 0)), strict=True):
        assert np.array_equal(a.x, b.x[[2, 0]])


def test_more_steps_continue_the_same_batches(plan: Callable[..., Plan]) -> None:
    for a, b in zip(_draw(plan, 20, 6, 5), islice(_draw(plan, 20, 6, 11), 5), strict=True):
        assert np.array_equal(a.x, b.x)


def test_float32_batches_are_rounded(plan: Callable[..., Plan]) -> None:
    data = Data(np.full((4, 1), 0.1), np.zeros(4, int), np.zeros((1, 1)), np.ones(1, int))
    (batch,) = draw.batches(plan(batch_size=4, steps=1, precision="float32"), data)
    assert (batch.x == float(np.float32(0.1))).all()
