"""A full plan, and the plan with one of its numbers replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from common.plan import Plan


def changed(plan: Plan, path: str, value: Any) -> Plan:
    """The plan with one number, at a path such as `network.depth`, replaced."""
    stated = plan.model_dump(mode="json")
    *parents, last = path.split(".")
    place = stated
    for parent in parents:
        place = place[parent]
    place |= {last: value} | TOGETHER.get(path, {})
    return Plan.model_validate(stated)


TOGETHER = {
    "network.targets": {"classes": None, "loss": "squared_error"},
    "task.time": {"source": "adding"},
}
"""What else is changed with a number, beside it."""


@pytest.fixture
def full(plan: Callable[..., Plan]) -> Plan:
    return plan(activation="leaky_relu", normalization="batch", skip="residual", clipping="value")
