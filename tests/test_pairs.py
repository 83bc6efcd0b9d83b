"""A few plans of the covering design; `python -m tests.pairs` judges all of them."""

from __future__ import annotations

import secrets
from pathlib import Path

import numpy as np
import pytest

import backends
from common.backend import Backend
from common.plan import Plan
from experiments.working import Worker
from tests.derived import SIZES, Maker, assert_derived_by_hand
from tests.pairs import OF_LAYERS, OF_TIME, Case, cases, covering, every_pair, pairs_of, plan_of
from tests.random_plans import agreement, words

FEW = 2
BLOCKS = 10
DESIGNS = pytest.mark.parametrize("rooms", [OF_LAYERS, OF_TIME], ids=["layers", "time"])


@DESIGNS
def test_every_two_kinds_are_together_in_a_plan(rooms: dict[str, list[object]]) -> None:
    found = [pair for row in covering(rooms) for pair in pairs_of(row)]
    assert set(found) == every_pair(rooms)


@DESIGNS
def test_a_design_is_hardly_larger_than_its_two_largest_rooms(
    rooms: dict[str, list[object]],
) -> None:
    first, second = sorted((len(kinds) for kinds in rooms.values()), reverse=True)[:2]
    assert first * second <= len(covering(rooms)) < 1.3 * first * second


def test_plans_of_two_kinds_that_nobody_put_together_agree(
    backend: Backend, tmp_path: Path
) -> None:
    seed = secrets.randbelow(2**32)
    found = cases()
    chosen = np.random.default_rng(seed).choice(len(found), FEW, replace=False)
    definition, wing = (
        Worker(one, threads=1, imports=0.0) for one in (backends.load("numpy"), backend)
    )
    for number in chosen:
        plan = plan_of(found[number], tmp_path)
        agreed = agreement(plan, definition, wing, tmp_path / "reference.npz")
        assert agreed.outcome != "broken", (
            f"seed {seed}, plan {number}, {words(plan)}: {agreed.reason}"
        )


def small(plan: Maker, case: Case) -> Plan:
    """The blocks of a row, small enough for a difference quotient of every parameter."""
    rooms = {
        room: spec if isinstance(spec, (dict, str)) else spec.model_dump()
        for room, spec in case.items()
    }
    rooms |= {"clipping": "none", "optimizer": {"kind": "sgd"}}
    classes = case["loss"].most_classes or 3
    sizes = {
        name: value for name, value in SIZES.items() if name not in ("depth", "initialization")
    }
    return plan(**sizes, depth=3, time=4, classes=classes, **rooms)


def test_gradients_of_drawn_blocks_derived_by_hand_are_difference_quotients(plan: Maker) -> None:
    seed = secrets.randbelow(2**32)
    found = cases()
    for number in np.random.default_rng(seed).choice(len(found), BLOCKS, replace=False):
        try:
            assert_derived_by_hand(small(plan, found[number]))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, plan {number}: {error}") from error
