"""The box of a chart, in its own numbers and in points."""

from __future__ import annotations

from typing import Any, NamedTuple

from experiments.report.labels import width

Row = dict[str, Any]


FROM = 14
"""Pixels from the end of a line to its name's."""


ROOM = 22
"""Pixels of a name that are not its text."""


SHARE_OF_NAMES = 0.42
"""Of the width of a plot, what its names have at most."""


class Box(NamedTuple):
    """Where lines and their names are, in pixels.

    Attributes:
        inner: The width of both.
        height: Of both.
        names: The width of the names, which are at the left of the lines, or at their right.
        right: Whether they are at the right.
    """

    inner: float
    height: float
    names: float
    right: bool

    @property
    def range(self) -> list[float]:
        """Where the lines begin and end."""
        return [0, self.inner - self.names] if self.right else [self.names, self.inner]

    @property
    def ends(self) -> Row:
        """Where a name meets its line, and where it begins."""
        end = self.inner - self.names if self.right else self.names
        return {"end": end, "edge": end + FROM if self.right else end - FROM}


def box(names: list[str], inner: float, height: float, *, right: bool) -> Box:
    """The box of a chart in which names as long as these have room, up to a part of its width."""
    longest = max(map(width, names))
    return Box(inner, height, min(longest + ROOM, SHARE_OF_NAMES * inner), right)
