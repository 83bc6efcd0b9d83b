"""Axes of own models' charts: powers of ten, names of places, and words that do not overlap."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import altair as alt

from experiments.own.drawing import Row, Size, spread
from experiments.own.names import cut, power

SOFT = "#7F7F7F"
LETTER = 6.5
"""Pixels of a letter of 11 pixels, on average."""


class Line(NamedTuple):
    """A line of a chart.

    Attributes:
        name: What stands at its end.
        values: None where there is none; in decades minus infinity where it is exactly 0.
        colour: Of it.
        dash: Of it.
    """

    name: str
    values: Sequence[float | None]
    colour: str
    dash: Sequence[int]


class Ticks(NamedTuple):
    """Where an axis has labels, and which."""

    values: list[int]
    labels: list[str]

    @property
    def expression(self) -> str:
        """What makes the label of a value."""
        return (
            f"{json.dumps(dict(zip(map(str, self.values), self.labels, strict=True)))}[datum.value]"
        )

    def axis(self, title: str, **more: Any) -> alt.Axis:
        """The axis."""
        return alt.Axis(values=self.values, labelExpr=self.expression, title=title, **more)


def decades(values: Sequence[float | None], of: float | None) -> list[float | None]:
    """The logarithms of shares of a number; minus infinity of exactly 0, None where unknown."""
    return [_decades(value, of) for value in values]


def _decades(value: float | None, of: float | None) -> float | None:
    if value == 0:
        return -math.inf
    return math.log10(value) - math.log10(of) if value and of else None


def powers(low: float, high: float, most: int = 8) -> Ticks:
    """Powers of ten of an axis in decades."""
    steps = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500)
    step = next(each for each in steps if (high - low) / each <= most)
    values = [each for each in range(math.ceil(low), math.floor(high) + 1) if each % step == 0]
    return Ticks(values, [power(each) for each in values])


def places(names: Sequence[str], size: Size, room: int) -> Ticks:
    """Names of places, as many as there is room for, the first and the last among them."""
    every = max(1, math.ceil(len(names) * room / size.width))
    last = len(names) - 1
    shown = [i for i in range(0, len(names), every) if last - i >= every] + [last]
    return Ticks(shown, [cut(names[i], size.letters) for i in shown])


def along(names: Sequence[str], size: Size, title: str, room: int = 16) -> alt.Axis:
    """A horizontal axis of places, whose names are slanted where they are long."""
    ticks = places(names, size, room)
    flat = max(map(len, ticks.labels)) * LETTER <= size.width / len(ticks.values)
    return ticks.axis(title, labelAngle=0 if flat else -40, grid=False, labelOverlap=False)


def apart(rows: list[Row], low: float, high: float, height: int) -> list[Row]:
    """Words beside a plot, no two so near that they overlap; each row has its `y`."""
    pixel = (high - low) / height
    found = spread([row["y"] for row in rows], low + 5 * pixel, high - 5 * pixel, 13 * pixel)
    return [row | {"y": place} for row, place in zip(rows, found, strict=True)]
