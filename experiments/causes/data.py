"""Data: what goes into the model is scaled, shifted, or has channels or axes in another order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.causes._case import Case, Stage
from experiments.causes._change import code, told
from experiments.causes._hypothesis import Hypothesis, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None
ENOUGH = 24
"""Elements that have to agree on the numbers."""


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    mine, its = case.reference.output, case.port.output
    if (
        case.partial
        or case.agreed
        or case.between_reference
        or mine is None
        or its is None
        or mine.shape != its.shape
    ):
        return
    if case.reference.inputs or not varied(mine, ENOUGH) or not varied(its, ENOUGH):
        return
    yield from _linear(mine, its)
    yield from _channels(mine, its)
    yield from _reordered(mine, its)


def _linear(mine: np.ndarray, its: np.ndarray) -> Iterator[Hypothesis]:
    """The same two numbers for all elements: division by 255, or to within -1 and 1."""
    factor, shift = _fitted(mine.ravel(), its.ravel())
    factor = float(f"{factor:.12g}")
    shift = 0.0 if abs(shift) < 1e-9 * float(np.max(np.abs(its))) else float(f"{shift:.12g}")
    known = {1 / 255: "divided by 255", 255.0: "multiplied by 255", 1 / 127.5: "divided by 127.5"}
    word = next(
        (text for number, text in known.items() if np.isclose(factor, number, rtol=1e-9)),
        f"multiplied by {told(factor)}",
    )
    and_shift = f", {told(shift)} added" if shift else ""
    said = f"Input of the model: as it is in the reference, {word}{and_shift} in the port (solved)."
    less = f"(x - {code(shift)})" if shift else "x"
    line = f"x = {less} * {code(1 / factor)}" if 0 < factor < 1 else f"x = {less} / {code(factor)}"
    if factor:
        yield Hypothesis(
            "scale",
            said.replace("multiplied by 1, ", ""),
            line,
            lambda: factor * mine + shift,
            solved=True,
        )


def _fitted(mine: np.ndarray, its: np.ndarray) -> tuple[float, float]:
    """Factor and shift by least squares."""
    centred = mine - mine.mean()
    factor = float(np.vdot(centred, its) / np.vdot(centred, centred))
    return factor, float(its.mean() - factor * mine.mean())


def _channels(mine: np.ndarray, its: np.ndarray) -> Iterator[Hypothesis]:
    """Two numbers for each channel: standardised on one side."""
    rows, others = (x.reshape(-1, x.shape[-1]) for x in (mine, its))
    if mine.ndim < 2 or len(rows) < 6 or any(np.unique(column).size < 4 for column in rows.T):
        return
    pairs = [_fitted(a, b) for a, b in zip(rows.T, others.T, strict=True)]
    factor, shift = (np.array(each) for each in zip(*pairs, strict=True))
    word = (
        "standardised"
        if np.all(np.abs(others.mean(0)) < 1e-6)
        else "each channel by numbers of its own"
    )
    first = f"{told(float(f'{factor[0]:.6g}'))} and {told(float(f'{shift[0]:.6g}'))}"
    said = (
        f"Input of the model: as it is in the reference, scaled and shifted in the port ({word}; "
        f"the first by {first})."
    )
    yield Hypothesis(
        "standardised",
        said,
        "x = (x - shift) / factor",
        lambda: factor * mine + shift,
        solved=True,
        rank=1,
    )


def _reordered(mine: np.ndarray, its: np.ndarray) -> Iterator[Hypothesis]:
    if mine.ndim == 4:
        said = (
            "Channels of the input: in their order in the reference, backwards in the port (RGB "
            "against BGR)."
        )
        yield Hypothesis("channels", said, "x = x[..., ::-1]", lambda: mine[..., ::-1])
        if mine.shape[1] == mine.shape[2]:
            said = (
                "Height and width of the input: in their order in the reference, swapped in the "
                "port."
            )
            yield Hypothesis(
                "height_and_width", said, "x = x.swapaxes(1, 2)", lambda: mine.swapaxes(1, 2)
            )
