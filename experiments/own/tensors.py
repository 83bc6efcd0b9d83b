"""Tensors of two frameworks beside each other.

Equal up to the order of their axes, and how far apart they are otherwise.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

Axes = tuple[int, ...]

LEAST_VALUES = 2
"""A tensor of fewer different values is like too many others to be recognized by them."""


def error(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference, as a share of the largest of `a`.

    Infinite where shapes differ or a value is not finite.
    """
    if a.shape != b.shape:
        return np.inf
    if not a.size:
        return 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        difference = float(np.max(np.abs(a - b)))
        largest = float(np.max(np.abs(a)))
    if not np.isfinite(difference):
        return 0.0 if np.array_equal(a, b, equal_nan=True) else np.inf
    return difference / largest if largest else (0.0 if difference == 0 else np.inf)


def relative(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference as a share of the largest number of both."""
    largest = max(float(np.abs(a).max(initial=0.0)), float(np.abs(b).max(initial=0.0)))
    if not largest:
        return 0.0
    return float(np.abs(a - b).max()) / largest if np.isfinite(largest) else np.inf


def of_a_sample(a: np.ndarray) -> np.ndarray:
    """The values of each sample in the order of their size [sample, value].

    The same in every order of the axes.
    """
    return np.sort(a.reshape(len(a), -1), axis=1) if a.ndim else a.reshape(1, 1)


def same_values(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    """Whether two tensors hold the same numbers for each sample, in whatever order."""
    if a.size != b.size or a.shape[:1] != b.shape[:1]:
        return False
    return error(of_a_sample(a), of_a_sample(b)) <= tolerance


def telling(a: np.ndarray) -> bool:
    """Whether a tensor can be recognized by its values: it does not hold one number only."""
    return a.size >= LEAST_VALUES and bool((a != a.flat[0]).any())


def axes_of(a: np.ndarray, b: np.ndarray) -> Iterator[Axes]:
    """The orders of the axes of `b` that give the shape of `a`, the batch axis first.

    The usual ones come first.
    """
    if a.ndim != b.ndim:
        return
    usual = [
        tuple(range(b.ndim)),
        (0, b.ndim - 1, *range(1, b.ndim - 1)),
        (0, *range(2, b.ndim), 1),
    ]
    every = [(0, *rest) for rest in itertools.permutations(range(1, b.ndim))] if b.ndim else [()]
    for axes in dict.fromkeys([*usual, *every] if b.ndim > 1 else every):
        if tuple(b.shape[i] for i in axes) == a.shape:
            yield axes


class Match(NamedTuple):
    """How `b` is nearest to `a`.

    Attributes:
        error: Of `b` in that order.
        axes: The order of its axes; None where it has another number of axes and was reshaped.
    """

    error: float
    axes: Axes | None

    def of(self, b: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """`b`, as `a` is laid out."""
        return b.reshape(shape) if self.axes is None else b.transpose(self.axes)

    def back(self, a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """`a`, as `b` is laid out."""
        return a.reshape(shape) if self.axes is None else a.transpose(np.argsort(self.axes))


def declared(mine: list[int] | None, its: list[int] | None) -> Axes | None:
    """The order of the axes of the port's tensor that lays it out as the reference's.

    Where both say where their axes are.

    Args:
        mine: The order of the reference's axes that makes (batch, *space, channel).
        its: The port's.
    """
    if mine is None or its is None or len(mine) != len(its):
        return None
    return tuple(its[mine.index(axis)] for axis in range(len(mine)))


def match(
    a: np.ndarray, b: np.ndarray, known: dict[tuple[int, int], Axes], tolerance: float
) -> Match | None:
    """The nearest layout of `b`; None where no order of its axes has the shape of `a`.

    Args:
        a: Of the reference.
        b: Of the port.
        known: The layouts that equal tensors have voted for, by both numbers of axes: the best
            order of a tensor that differs is not its own.
        tolerance: Up to which they are equal.
    """
    best: Match | None = None
    for axes in axes_of(a, b):
        found = Match(error(a, b.transpose(axes)), axes)
        if found.error <= tolerance:
            return found
        if best is None or found.error < best.error:
            best = found
    voted = known.get((a.ndim, b.ndim))
    if voted is not None and tuple(b.shape[i] for i in voted) == a.shape:
        return Match(error(a, b.transpose(voted)), voted)
    if best is None and a.size == b.size and a.shape[:1] == b.shape[:1]:
        return Match(error(a, b.reshape(a.shape)), None)
    return best


def voted(
    pairs: list[tuple[np.ndarray, np.ndarray]], tolerance: float
) -> dict[tuple[int, int], Axes]:
    """The layouts of equal tensors, by both numbers of axes: the most frequent one of each."""
    votes: dict[tuple[int, int], Counter[Axes]] = {}
    for a, b in pairs:
        found = match(a, b, {}, tolerance)
        if found and found.axes is not None and found.error <= tolerance and not _square(a):
            votes.setdefault((a.ndim, b.ndim), Counter())[found.axes] += 1
    return {key: counter.most_common(1)[0][0] for key, counter in votes.items()}


def _square(a: np.ndarray) -> bool:
    """Whether several orders of the axes could be equal, by symmetry of constant values.

    They have the same shape.
    """
    return not telling(a)
