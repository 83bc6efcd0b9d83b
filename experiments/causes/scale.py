"""Scale: the port's number is the reference's times a number, or plus one.

It describes more than it explains.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.causes._case import Case, Side, Stage
from experiments.causes._change import code, told
from experiments.causes._hypothesis import Hypothesis, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None
ENOUGH = 24
"""Elements that have to agree on one number, so that it is no coincidence."""


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    mine, its = case.reference.output, case.port.output
    if (
        case.partial
        or mine is None
        or its is None
        or mine.shape != its.shape
        or not varied(mine, ENOUGH)
        or not varied(its, ENOUGH)
    ):
        return
    what = _what(case.reference)
    factor = float(np.vdot(mine, its) / np.vdot(mine, mine))
    line = f"y = y / {code(factor)}"
    said = f"{what}: {told(factor)} times as large in the port."
    if factor:
        yield Hypothesis("factor", said, line, lambda: factor * mine, solved=True, rank=2)
    shift = float(np.mean(its - mine))
    said = f"{what}: {told(shift)} more in the port, in every element."
    yield Hypothesis(
        "shift", said, f"y = y - {code(shift)}", lambda: mine + shift, solved=True, rank=2
    )
    yield from _of_channels(case, mine, its, what)


def _of_channels(case: Case, mine: np.ndarray, its: np.ndarray, what: str) -> Iterator[Hypothesis]:
    """A constant for each channel: another bias."""
    if mine.ndim < 2 or mine.size < 8 * mine.shape[-1]:
        return
    shift = np.mean(its - mine, axis=tuple(range(mine.ndim - 1)))
    first = told(float(shift[0]))
    said = (
        f"{what}: a constant more in each channel of the port, as by another bias ({first} in the "
        "first)."
    )
    yield Hypothesis("bias", said, "y = y - shift", lambda: mine + shift, solved=True, rank=2)


def _what(side: Side) -> str:
    """Of a stretch between two places it is what goes into the second that differs."""
    return (
        f"What goes into {side.path or 'the end'}"
        if side.kind == "between"
        else f"Output of {side.path or side.kind}"
    )
