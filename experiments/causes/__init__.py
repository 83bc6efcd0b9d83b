"""Why a port leaves its reference: each file of this folder is a family of hypotheses, and is registered by being here.

A hypothesis computes, in NumPy and from the reference's inputs, weights and numbers, what the port would give if it were the
cause. It is named only if it reproduces the number of the port, and its plain form that of the reference. Numbers such as an
epsilon are solved for. Where none does, nothing is named: a wrong cause is worse than none.

A family has `STAGES`, where it can be asked, `PAGE`, where docs/migration/ has one on it, and `hypotheses(case)`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Protocol

from experiments.causes._case import (
    Case,
    Side,
    Stage,
    Steps,
    backward_case,
    forward_case,
    loss_case,
    statistics_case,
    step_case,
)
from experiments.causes._definition import Undefined
from experiments.causes._hypothesis import Finding, Hypothesis, reproduced

__all__ = [
    "Case",
    "Finding",
    "Side",
    "Steps",
    "backward_case",
    "causes",
    "explain",
    "forward_case",
    "loss_case",
    "statistics_case",
    "step_case",
]


class Cause(Protocol):
    """A module of this folder."""

    STAGES: frozenset[Stage]
    PAGE: str | None

    def hypotheses(self, case: Case) -> Iterable[Hypothesis]:
        """What might be the cause, the usual first."""
        ...


@cache
def causes() -> dict[str, Cause]:
    """The families by the names of their files."""
    names = [found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_")]
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}  # type: ignore[misc]


def explain(case: Case, only: Iterable[str] | None = None) -> list[Finding]:
    """The causes that reproduce the port's numbers, the most certain first; empty where none does.

    Args:
        case: Where they part.
        only: Names of families; None for all.
    """
    families = causes() if only is None else {name: causes()[name] for name in only}
    pairs = [(name, family, view) for view in case.views() for name, family in families.items()]
    return _ordered([found for each in pairs for found in _asked(*each)])


def _asked(name: str, family: Cause, case: Case) -> Iterator[tuple[int, Finding]]:
    """The findings of a family, with the rank of each."""
    if case.stage not in family.STAGES:
        return
    try:
        for each in family.hypotheses(case):
            left = reproduced(case, each)
            if left is not None:
                certainty = "solved" if each.solved else "reproduced"
                key, path = f"{name}.{each.name}", case.reference.path
                yield each.rank, Finding(key, each.said, each.cure, family.PAGE, left, certainty, path, each.note)
    except Undefined:
        return


def _ordered(found: list[tuple[int, Finding]]) -> list[Finding]:
    """Those of the lowest rank, a sentence once; what is not solved for comes first."""
    lowest = min((rank for rank, _ in found), default=0)
    once: dict[str, Finding] = {}
    for rank, each in found:
        if rank == lowest:
            once.setdefault(each.said, each)
    return sorted(once.values(), key=lambda each: each.certainty != "reproduced")
