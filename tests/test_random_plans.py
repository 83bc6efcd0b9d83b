"""A few of the random plans; `python -m tests.random_plans` runs as many as are wanted."""

from __future__ import annotations

from pathlib import Path

import backends
from common.backend import Backend
from experiments.working import Worker
from tests.random_plans import agreement, data_files, random_plan, words

FEW = 6


def test_a_correct_wing_is_not_called_broken_on_plans_that_nobody_chose(
    backend: Backend, tmp_path: Path
) -> None:
    sources = data_files(tmp_path)
    drawn = (random_plan(number, sources) for number in range(1000, 1200))
    small = [plan for plan in drawn if len(plan.network.sites) <= 10 and plan.network.units <= 16][
        :FEW
    ]
    definition, wing = (
        Worker(one, threads=1, imports=0.0) for one in (backends.load("numpy"), backend)
    )
    for plan in small:
        agreed = agreement(plan, definition, wing, tmp_path / "reference.npz")
        assert agreed.outcome != "broken", f"{words(plan)}: {agreed.reason}"
