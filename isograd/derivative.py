"""How a NumPy definition responds to its inputs: vector-Jacobian products by central differences.

Differences, and not a complex step, because they are right of whatever NumPy computes: of a complex
number `abs`, `maximum` and a comparison mean something else, and do not say so. In extended
precision (`np.longdouble`) seven points give the derivative to 1e-16 of it; a definition that
leaves that precision (`np.linalg`) is followed in float64, to about 1e-13. How far off it may be is
seen from steps of different lengths, and belongs to the bound that it is used for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

Arrays = list[np.ndarray]
Function = Callable[[Sequence[np.ndarray]], Arrays]

LADDER = tuple(2.0**-k for k in (7, 9, 11, 14, 18, 22))
"""Lengths of steps, relative to the size of the input."""

WEIGHTS = ((1, 45 / 60), (2, -9 / 60), (3, 1 / 60))
"""Of the difference over so many steps to both sides: exact up to the sixth degree."""

ENOUGH = 4 * np.finfo(np.float64).eps
"""Two steps that differ by no more, relative, tell the same."""


CAUTION = 10.0
"""Two steps may also agree by luck."""


class Derivative(NamedTuple):
    """Of a vector-Jacobian product with respect to one number of the inputs.

    Attributes:
        value: It.
        error: How far off it may be; at a kink it reaches to the slopes of both sides, and what
            lies between is right.
        step: The length of the step that told it.
    """

    value: float
    error: float
    step: float


def contracted(
    function: Function, inputs: Sequence[np.ndarray], cotangents: Sequence[np.ndarray]
) -> Callable[..., Any]:
    """A function of an input's number, its element and a shift of it.

    The terms of the outputs times the cotangents.
    """

    def along(i: int, element: tuple[int, ...], shift: float) -> np.ndarray:
        moved = list(inputs)
        moved[i] = inputs[i].copy()
        moved[i][element] += shift
        found = function(moved)
        return np.concatenate([(c * y).ravel() for y, c in zip(found, cotangents, strict=True)])

    return along


def at_step(along: Callable[[float], np.ndarray], step: float) -> float:
    """The derivative by one step's length; terms that do not move cancel exactly."""
    terms = [weight * (along(count * step) - along(-count * step)) for count, weight in WEIGHTS]
    return float(np.sum(terms[0] + terms[1] + terms[2]) / step)


def derivative(along: Callable[[float], np.ndarray], size: float) -> Derivative:
    """The derivative by the two neighbouring steps that agree best, or the first within rounding.

    Args:
        along: Terms of a sum as they are when the number is shifted by so much.
        size: Of the number.
    """
    here = along(0.0)
    noise = float(np.finfo(here.dtype).eps * np.abs(here).max(initial=0.0))
    best = Derivative(np.nan, np.inf, size * LADDER[0])
    before = at_step(along, size * LADDER[0])
    slope = _jump(along, here, size * LADDER[0])
    for length in LADDER[1:]:
        step = size * length
        value = at_step(along, step)
        jump = _jump(along, here, step)
        kinked = jump > 0.5 * slope and jump > 1e3 * noise / step
        error = CAUTION * abs(value - before) + noise / step + (jump / 2 if kinked else 0.0)
        if error < best.error or not np.isfinite(best.error):
            best = Derivative(value, error, step)
        if not kinked and abs(value - before) <= ENOUGH * abs(value):
            return best
        before, slope = value, jump
    return best


def _jump(along: Callable[[float], np.ndarray], here: np.ndarray, step: float) -> float:
    """By how much the slopes to both sides differ.

    Of a smooth function it shrinks with the step, at a kink it stays.
    """
    return abs(float(np.sum((along(step) - here) + (along(-step) - here)))) / step
