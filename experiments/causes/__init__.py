"""Why a port leaves its reference.

Each file of this folder is a family of hypotheses, and is registered by being here.

A hypothesis computes, in NumPy and from the reference's inputs, weights and numbers, what the port
would give if it were the cause. It is named only if it reproduces the number of the port, and its
plain form that of the reference. Numbers such as an epsilon are solved for. Where none does,
nothing is named: a wrong cause is worse than none.

A family has `STAGES`, where it can be asked, `PAGE`, where docs/migration/ has one on it, and
`hypotheses(case)`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import Protocol

import numpy as np

from experiments.causes._case import Case, Side, Stage, Steps
from experiments.causes._definition import Undefined
from experiments.causes._filled import (
    backward_case,
    forward_case,
    loss_case,
    statistics_case,
    step_case,
)
from experiments.causes._hypothesis import Finding, Hypothesis, reproduced
from experiments.causes._pairs import Asked, pairs
from experiments.causes._views import near, views
from experiments.causes.stated import said

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
    names = [
        found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_")
    ]
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}  # type: ignore[misc]


@np.errstate(all="ignore")  # a hypothesis that gives no number is none
def explain(case: Case, only: Iterable[str] | None = None) -> list[Finding]:
    """The causes that reproduce the port's numbers, the most certain first; empty where none does.

    Args:
        case: Where they part.
        only: Names of families; None for all.
    """
    names = list(causes() if only is None else only)

    def asked(view: Case) -> list[Asked]:
        return [each for name in names for each in _asked(name, view)]

    first, then = views(case)
    found = _best(list(map(asked, first))) or _best(list(map(asked, then)))
    alone = not (case.between_reference or case.between_port) and case.stage == "forward"
    if not found and alone:
        found = pairs(asked(case), asked, _judged)
    if found:
        return _ordered(found)
    stated = "stated" in names and case.stage == "forward"
    return [each for view in near(case) for each in said(view)] if stated else []


def _best(asked: list[list[Asked]]) -> list[Finding]:
    """Those that hold of the lowest rank, in the first of the views that has any."""
    ranks = sorted({hypothesis.rank for view in asked for _, _, hypothesis in view})
    for rank in ranks:
        for view in asked:
            found = [_judged(*each) for each in view if each[2].rank == rank]
            # a pair of places says more than the stretch that it lies in, which comes last
            if any(found):
                return [each for each in found if each]
    return []


def _asked(name: str, case: Case) -> list[Asked]:
    """The hypotheses of a family on a case; none if it is unknown what the reference computes."""
    if case.stage not in causes()[name].STAGES:
        return []
    found: list[Asked] = []
    with suppress(Undefined):
        for each in causes()[name].hypotheses(case):
            found.append((name, case, each))
    return found


def _judged(name: str, case: Case, hypothesis: Hypothesis) -> Finding | None:
    """The finding, if the hypothesis holds."""
    left = reproduced(case, hypothesis)
    if left is None:
        return None
    certainty = "solved" if hypothesis.solved else "reproduced"
    key = f"{name}.{hypothesis.name}"
    page = causes()[name].PAGE
    path = hypothesis.path or case.reference.path
    return Finding(
        key, hypothesis.said, hypothesis.cure, page, left, certainty, path, hypothesis.note
    )


def _ordered(found: list[Finding]) -> list[Finding]:
    """A sentence once.

    What is not solved for comes first, and stands for the same cause with a number that is solved
    for.
    """
    once: dict[str, Finding] = {}
    for each in sorted(found, key=lambda each: each.certainty != "reproduced"):
        once.setdefault(each.said, each)
    plain = {each.key for each in found if each.certainty == "reproduced"}
    return [
        each for each in once.values() if each.certainty == "reproduced" or each.key not in plain
    ]
