"""What a cause says, and how it is judged: by whether it reproduces the number of the port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np

from experiments.causes._case import Case, Side, flat
from experiments.causes._definition.errors import Undefined

Certainty = Literal["reproduced", "solved", "stated"]
Numbers = Callable[[], np.ndarray]
CLOSE = 1e-6
"""Relative to the largest element: how close a hypothesis has to come in float64."""
CLOSE_IN_SINGLE = 64 * float(np.finfo(np.float32).eps)
SHARE = 1 / 30
"""What a hypothesis leaves has to be less than this share of what it is to explain: a gap of 1e-9
asks for more than 1e-6."""


@dataclass(frozen=True)
class Finding:
    """Why the port leaves the reference.

    Attributes:
        key: The file and name of the cause: `normalization.epsilon`.
        said: One sentence with both numbers.
        cure: The line of the port's framework that makes it the reference's; Python, with `...` for
            what stays as it is.
        page: Of docs/, relative to the repository; None where there is none.
        error: How far the hypothesis is from the port's number, relative to its largest element.
        certainty: `reproduced`; `solved`: a number in it was solved for; `stated`: only the
            attributes of the objects differ.
        path: Of the place, in the reference.
        note: What else there is to know: that the framework itself does this.
    """

    key: str
    said: str
    cure: str
    page: str | None
    error: float
    certainty: Certainty
    path: str = ""
    note: str = ""


@dataclass(frozen=True)
class Hypothesis:
    """What the port would give if this were the cause.

    Attributes:
        name: Within its file.
        said, cure, note: As in `Finding`.
        port: Computes what the port would give.
        reference: Computes what the reference gives, if that is not already known to be right.
        solved: Whether a number in it was solved for.
        rank: -1 for what accounts for two of the port's values at once; 0 for a usual fault; 1 for
            a rare one or two at once; 2 for what only describes the numbers. Where one of a lower
            rank holds, those of a higher one are not named.
        wanted: What the port gave; the case's number if it is not given.
        plain: What the port would have given if it were right; the reference's number if it is not
            given.
        close: How close it has to come, where that is wider than elsewhere.
        side: The reference with the change, where that is what it is; it can then be asked for a
            second one.
        path: Of the place that is at fault, where that is not the case's own.
    """

    name: str
    said: str
    cure: str
    port: Numbers
    reference: Numbers | None = None
    solved: bool = False
    rank: int = 0
    note: str = ""
    wanted: Numbers | None = None
    plain: Numbers | None = None
    close: float = 0.0
    side: Side | None = None
    path: str = ""


def error(found: np.ndarray, wanted: np.ndarray) -> float:
    """The largest difference, relative to the largest wanted element; infinite where unknown."""
    if found.shape != wanted.shape or not (
        np.all(np.isfinite(found)) and np.all(np.isfinite(wanted))
    ):
        return np.inf
    size = float(np.max(np.abs(wanted), initial=0.0))
    return float(np.max(np.abs(found - wanted), initial=0.0)) / max(
        size, float(np.finfo(np.float64).tiny)
    )


def numbers(case: Case, side: Side) -> np.ndarray | None:
    """What is to be explained, of one side."""
    match case.stage:
        case "forward":
            return side.output
        case "backward":
            return (
                None
                if side.output is None
                else np.zeros(side.output.shape)
                if side.gradient is None
                else side.gradient
            )
        case "loss":
            return (
                None
                if side.loss is None or side.gradient is None
                else flat([np.array(side.loss), side.gradient])
            )
        case "step":
            return (
                side.steps.updates()
                if side.steps
                else flat([side.after[name] for name in sorted(side.after)])
            )
        case _:
            assert_never(case.stage)


def varied(values: np.ndarray, least: int = 6) -> bool:
    """Whether there are enough different numbers for a match to mean something."""
    return values.size >= least and np.unique(np.asarray(values).ravel()[:4096]).size >= least // 2


def reproduced(case: Case, hypothesis: Hypothesis) -> float | None:
    """How far the hypothesis is from the port's number.

    None where that is too far, or it is not right of the reference.
    """
    try:
        with np.errstate(all="ignore"):
            return _reproduced(case, hypothesis)
    except Undefined:
        return None


def _without_ones(number: np.ndarray, its: np.ndarray) -> np.ndarray:
    """In the port's shape, where only axes of one element tell them apart.

    A mean over pixels that keeps them or not.
    """
    return number.reshape(its.shape) if number.squeeze().shape == its.squeeze().shape else number


def _reproduced(case: Case, hypothesis: Hypothesis) -> float | None:
    mine = numbers(case, case.reference)
    its = numbers(case, case.port)
    its = hypothesis.wanted() if hypothesis.wanted else its
    plain = hypothesis.plain() if hypothesis.plain else mine
    if its is None or plain is None or not np.all(np.isfinite(its)):
        return None
    if case.stage == "forward" and not varied(its):
        return None
    plain = _without_ones(plain, its)
    gap = error(plain, its)
    close = max(hypothesis.close, CLOSE_IN_SINGLE if case.single else CLOSE)
    bound = min(close, gap * SHARE)
    left = error(_without_ones(hypothesis.port(), its), its)
    if left >= bound:
        return None
    right = hypothesis.reference is None or (
        mine is not None and error(_without_ones(hypothesis.reference(), mine), mine) < bound
    )
    return left if right else None
