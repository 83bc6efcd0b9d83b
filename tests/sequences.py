"""Recurrent cells, and plans of networks with one."""

from __future__ import annotations

from typing import Any

import pytest

from common.countermeasures.recurrent import Cell
from common.plan import Plan
from common.spec import kinds_of
from tests.derived import Maker

CELLS: list[Any] = [kind() for kind in kinds_of(Cell)]
OVER_CELLS = pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.kind)


def by_row(plan: Maker, cell: Any, **changes: Any) -> Plan:
    """A plan for the digits, row by row: 8 steps of time."""
    sizes = {"features": 8, "classes": 10, "time": 8, "width": 6, "source": "digits by row"}
    return plan(**(sizes | {"recurrent": cell.model_dump()} | changes))


def adding(plan: Maker, cell: Any, time: int, **changes: Any) -> Plan:
    """A plan for the adding problem."""
    made = plan(
        recurrent=cell.model_dump(),
        time=time,
        features=2,
        classes=None,
        targets=1,
        loss="squared_error",
        **changes,
    )
    sequences = {"source": "adding", "time": time, "standardized": "no"}
    return made.model_copy(update={"task": made.task.model_copy(update=sequences)})
