"""Which place of a model is which place of its port.

By the weights that were carried, by value, and by kind between those.

The granularity of two frameworks differs: a layer with its activation is one module here and two
there, and a sum is a function here and a layer there. So places are not paired by their order
alone. Layers whose weights were carried are each other's counterparts; so are places whose values
are equal up to the order of their axes, in the order of execution; what lies between two such pairs
is paired by kind and size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from experiments.own.tensors import (
    Axes,
    Match,
    error,
    match,
    of_a_sample,
    same_values,
    telling,
    voted,
)
from isograd.captured import Captured, Place

MOVING = ("transpose", "reshape")
"""Kinds that compute nothing: they move numbers."""

BY_VALUE = ("other", *MOVING)
"""Kinds that are paired by value only: of what merely moves numbers, one framework has several
where another has none."""


class Pair(NamedTuple):
    """Two places that are each other's counterpart.

    Attributes:
        mine: The index of the reference's place.
        its: The index of the port's.
        match: How the port's output is laid out, and how far off it is; None where no layout fits.
        reordered: Whether both hold the same numbers, in an order that no order of the axes
            explains.
        by: weights, value or kind.
    """

    mine: int
    its: int
    match: Match | None
    reordered: bool
    by: str


class Alignment(NamedTuple):
    """All pairs, in the reference's order of execution, and the layouts that were found."""

    pairs: list[Pair]
    layouts: dict[tuple[int, int], Axes]


def align(
    reference: Captured, port: Captured, carried: Mapping[str, str], tolerances: list[float]
) -> Alignment:
    """Pair the places.

    Args:
        reference: With values.
        port: With values.
        carried: The port's layer by the reference's.
        tolerances: Of the value at each place of the reference.
    """
    return _Aligning(reference["places"], port["places"], carried, tolerances).alignment()


class _Aligning:
    def __init__(
        self,
        mine: list[Place],
        its: list[Place],
        carried: Mapping[str, str],
        tolerances: list[float],
    ) -> None:
        self.mine = mine
        self.its = its
        self.tolerances = tolerances
        self.by_weights = dict(self._layers(carried))
        self.sorted = [[_sorted(place) for place in places] for places in (mine, its)]
        self.equal = dict.fromkeys(self._equal())
        self.layouts = voted(
            [(self._a(i), self._b(j)) for i, j in self.equal], max(tolerances, default=0.0)
        )

    def _a(self, i: int) -> np.ndarray:
        value = self.mine[i]["output"]
        assert value is not None
        return value

    def _b(self, j: int) -> np.ndarray:
        value = self.its[j]["output"]
        assert value is not None
        return value

    def alignment(self) -> Alignment:
        anchors = longest(len(self.mine), len(self.its), self._anchor_score)
        pairs = dict.fromkeys(anchors, "value") | dict.fromkeys(self.by_weights.items(), "weights")
        mine = {i for i, _ in pairs}
        its = {j for _, j in pairs}
        for i, j in self.equal:  # another order of execution than the reference's
            if i not in mine and j not in its and self._same_kind(i, j):
                pairs[i, j] = "value"
                mine, its = mine | {i}, its | {j}
        pairs |= dict.fromkeys(self._between(sorted(pairs), mine, its), "kind")
        return Alignment(
            [self._pair(i, j, by) for (i, j), by in sorted(pairs.items())], self.layouts
        )

    def _layers(self, carried: Mapping[str, str]) -> list[tuple[int, int]]:
        index = {
            (place["path"], place["call"]): j
            for j, place in enumerate(self.its)
            if place["leaf"] == 0
        }
        found = []
        for i, place in enumerate(self.mine):
            other = carried.get(place["path"])
            j = None if other is None or place["leaf"] else index.get((other, place["call"]))
            if j is not None and self._comparable(i, j):
                found.append((i, j))
        return found

    def _comparable(self, i: int, j: int) -> bool:
        a, b = self.mine[i]["output"], self.its[j]["output"]
        return a is not None and b is not None and a.size == b.size and a.shape[:1] == b.shape[:1]

    def _equal(self) -> Iterator[tuple[int, int]]:
        """The pairs that hold the same numbers; a layer with weights is no other's counterpart."""
        by_its = {j: i for i, j in self.by_weights.items()}
        for i in range(len(self.mine)):
            for j in range(len(self.its)):
                free = i not in self.by_weights and j not in by_its
                if (free or self.by_weights.get(i) == j) and self._hold_the_same(i, j):
                    yield i, j

    def _hold_the_same(self, i: int, j: int) -> bool:
        a, b = self.sorted[0][i], self.sorted[1][j]
        return (
            a is not None
            and b is not None
            and a.shape == b.shape
            and error(a, b) <= self.tolerances[i]
        )

    def _anchor_score(self, i: int, j: int) -> float:
        if (i, j) not in self.equal:
            return 0.0
        return 2.0 + self._same_kind(i, j) + (self.mine[i]["inner"] == self.its[j]["inner"])

    def _same_kind(self, i: int, j: int) -> bool:
        return self.mine[i]["kind"] == self.its[j]["kind"]

    def _between(
        self, pairs: list[tuple[int, int]], mine: set[int], its: set[int]
    ) -> list[tuple[int, int]]:
        """What lies between two pairs that are in the same order in both, by kind and size."""
        found: list[tuple[int, int]] = []
        spine = [(-1, -1), *rising(pairs), (len(self.mine), len(self.its))]
        for (i0, j0), (i1, j1) in pairwise(spine):
            rows = [
                i
                for i in range(i0 + 1, i1)
                if i not in mine and self.mine[i]["kind"] != "container"
            ]
            columns = [
                j for j in range(j0 + 1, j1) if j not in its and self.its[j]["kind"] != "container"
            ]
            score = self._gap_score(rows, columns)
            found += [(rows[a], columns[b]) for a, b in longest(len(rows), len(columns), score)]
        return found

    def _gap_score(self, rows: list[int], columns: list[int]) -> Callable[[int, int], float]:
        def score(a: int, b: int) -> float:
            i, j = rows[a], columns[b]
            return float(
                self._comparable(i, j)
                and self._same_kind(i, j)
                and self.mine[i]["kind"] not in BY_VALUE
            )

        return score

    def _pair(self, i: int, j: int, by: str) -> Pair:
        a = self._a(i)
        b = self._b(j)
        tolerance = self.tolerances[i]
        found = match(a, b, self.layouts, tolerance)
        equal = found is not None and found.error <= tolerance
        return Pair(i, j, found, not equal and same_values(a, b, tolerance), by)


def _sorted(place: Place) -> np.ndarray | None:
    """A place's numbers in the order of their size; None where it cannot be recognized by them."""
    value = place["output"]
    return of_a_sample(value) if value is not None and telling(value) else None


def longest(rows: int, columns: int, score: Callable[[int, int], float]) -> list[tuple[int, int]]:
    """The heaviest common subsequence.

    Pairs that rise in both, with the largest sum of scores; a score of 0 is no pair.
    """
    scores = np.array([[score(i, j) for j in range(columns)] for i in range(rows)]).reshape(
        rows, columns
    )
    best = np.zeros((rows + 1, columns + 1))
    for i in range(rows):
        for j in range(columns):
            taken = best[i, j] + scores[i, j] if scores[i, j] else 0.0
            best[i + 1, j + 1] = max(best[i, j + 1], best[i + 1, j], taken)
    return _walked_back(best, scores)


def _walked_back(best: np.ndarray, scores: np.ndarray) -> list[tuple[int, int]]:
    i, j = scores.shape
    found = []
    while i and j:
        if scores[i - 1, j - 1] and best[i, j] == best[i - 1, j - 1] + scores[i - 1, j - 1]:
            found.append((i - 1, j - 1))
            i, j = i - 1, j - 1
        elif best[i, j] == best[i - 1, j]:
            i -= 1
        else:
            j -= 1
    return found[::-1]


def rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of pairs in the order of the first, those whose second rises too: as many as possible."""
    chains: list[list[tuple[int, int]]] = []
    for pair in pairs:
        before = [chain for chain in chains if chain[-1][1] < pair[1] and chain[-1][0] < pair[0]]
        chains.append([*max(before, key=len, default=[]), pair])
    return max(chains, key=len, default=[])
