"""A few plans of the covering design; `python -m tests.pairs` judges all of them."""

from __future__ import annotations

import secrets
from pathlib import Path

import numpy as np
import pytest

import backends
from common.backend import Backend
from experiments.worker import Worker
from tests.pairs import OF_LAYERS, OF_TIME, cases, covering, every_pair, pairs_of, plan_of
from tests.random_plans import agreement, words

FEW = 2
DESIGNS = pytest.mark.parametrize("rooms", [OF_LAYERS, OF_TIME], ids=["layers", "time"])


@DESIGNS
def test_every_two_kinds_are_together_in_a_plan(rooms: dict[str, list[object]]) -> None:
    found = [pair for row in covering(rooms) for pair in pairs_of(row)]
    assert set(found) == every_pair(rooms)


@DESIGNS
def test_a_design_is_hardly_larger_than_its_two_largest_rooms(rooms: dict[str, list[object]]) -> None:
    first, second = sorted((len(kinds) for kinds in rooms.values()), reverse=True)[:2]
    assert first * second <= len(covering(rooms)) < 1.3 * first * second


def test_plans_of_two_kinds_that_nobody_put_together_agree(backend: Backend, tmp_path: Path) -> None:
    seed = secrets.randbelow(2**32)
    found = cases()
    chosen = np.random.default_rng(seed).choice(len(found), FEW, replace=False)
    definition, wing = (Worker(one, threads=1, imports=0.0) for one in (backends.load("numpy"), backend))
    for number in chosen:
        plan = plan_of(found[number], tmp_path)
        agreed = agreement(plan, definition, wing, tmp_path / "reference.npz")
        assert agreed.outcome != "broken", f"seed {seed}, plan {number}, {words(plan)}: {agreed.reason}"
