"""A reference and its port side by side: what was captured of both, and how their places pair."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from experiments.own.alignment import Alignment, Pair
from experiments.own.tensors import Axes
from experiments.own.tolerance import Tolerances
from isograd.captured import Captured, Place


class Sides(NamedTuple):
    """The two captures, how their places are paired, and what a right port may be off by.

    Attributes:
        put: The port's places whose value was replaced: there it says nothing of the port any more.
    """

    reference: Captured
    port: Captured
    alignment: Alignment
    tolerances: Tolerances
    put: Collection[tuple[str, int, int]] = ()

    @property
    def mine(self) -> list[Place]:
        """The reference's places."""
        return self.reference["places"]

    @property
    def its(self) -> list[Place]:
        """The port's places."""
        return self.port["places"]

    @property
    def layouts(self) -> dict[tuple[int, int], Axes]:
        """How the port lays out tensors."""
        return self.alignment.layouts

    def agrees(self, pair: Pair) -> bool:
        """Whether the value of a pair agrees, or did before it was replaced."""
        equal = pair.match is not None and pair.match.error <= self.tolerances.values[pair.mine]
        return equal or self.replaced(pair)

    def replaced(self, pair: Pair) -> bool:
        """Whether the reference's value was put in at the port's place."""
        place = self.its[pair.its]
        return (place["path"], place["call"], place["leaf"]) in self.put
