"""The charts of gradients against layer or time: in decades, whose axis says powers of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from experiments.findings.thresholds import Thresholds
from experiments.own.axes import LETTER, SOFT, Line, along, apart, powers
from experiments.own.drawing import Row, Size
from experiments.own.names import of_decades
from experiments.report.charts import GREY


def profile(
    lines: Sequence[Line], names: Sequence[str], bounds: Thresholds, size: Size
) -> alt.TopLevelMixin:
    """The signal gradient of each layer as a share of the last one's.

    It stands beside the band in which it comes through.
    """
    low = math.log10(bounds.vanishing)
    high = math.log10(bounds.exploding)
    plot = _Plot(lines, size, (low, high))
    above = {"y": high, "said": "exploding above"}
    below = {"y": low, "said": "vanishing below"}
    rules = (
        alt.Chart(alt.InlineData([above, below]))
        .mark_rule(strokeDash=[5, 3], color=SOFT)
        .encode(y=plot.at("y"))
    )
    band = alt.Chart(alt.InlineData([{"low": low, "high": high}])).mark_rect(
        color=GREY, opacity=0.13
    )
    within = {"y": (low + high) / 2, "said": "comes through"}
    x = plot.x(along(names, size, "layer, from the first to the last"), len(names))
    drawn = plot.lines(names, "layer", x, plot.y("gradient (share of the last layer's)"))
    layers = [
        band.encode(y=plot.at("low"), y2="high:Q"),
        rules,
        plot.beside([above, within, below]),
        *drawn,
    ]
    return alt.layer(*layers).properties(width=size.width, height=size.height)


def over_time(lines: Sequence[Line], size: Size) -> alt.TopLevelMixin:
    """The signal gradient of recurrent layers at each step of time, as a share of the largest."""
    plot = _Plot(lines, size, (-1.0, 0.0))
    count = max(len(line.values) for line in lines)
    names = [str(step + 1) for step in range(count)]
    x = plot.x(along(names, size, "step of time, from the first to the last", 24), count)
    layers = plot.lines(names, "step of time", x, plot.y("gradient (share of the largest)"))
    return alt.layer(*layers).properties(width=size.width, height=size.height)


class _Plot:
    """Lines in decades against places.

    With their names at their first ends, and crosses where a value is exactly 0.
    """

    def __init__(self, drawn: Sequence[Line], size: Size, least: tuple[float, float]) -> None:
        self.drawn = drawn
        self.size = size
        values = [value for line in drawn for value in line.values if value is not None]
        known = [value for value in values if math.isfinite(value)]
        low = min([*known, least[0]])
        high = max([*known, least[1]])
        below = 0.15 if -math.inf in values else 0.05  # room for what is exactly 0
        self.low = low - below * (high - low)
        self.high = high + 0.05 * (high - low)
        self.scale = alt.Scale(domain=[self.low, self.high], nice=False, zero=False)

    def x(self, axis: alt.Axis, count: int) -> alt.X:
        """With room for the lines' names before the first place."""
        letters = max(len(line.name) for line in self.drawn)
        share = min(0.4, (LETTER * letters + 12) / self.size.width) if letters else 0.0
        room = (count - 1) * share / (1 - share)
        return alt.X(
            "x:Q",
            axis=axis,
            scale=alt.Scale(domain=[-0.3 - room, count - 0.7], nice=False, zero=False),
        )

    def y(self, title: str) -> alt.Y:
        return alt.Y("y:Q", axis=powers(self.low, self.high).axis(title), scale=self.scale)

    def at(self, field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=self.scale)

    def beside(self, rows: list[Row]) -> alt.Chart:
        """Words to the right of the plot."""
        placed = apart(rows, self.low, self.high, self.size.height)
        text = alt.Chart(alt.InlineData(placed)).mark_text(
            align="left", dx=5, color="currentColor", fontSize=11
        )
        return text.encode(x=alt.value(self.size.width), y=self.at("y"), text="said:N")

    def lines(self, names: Sequence[str], what: str, x: alt.X, y: alt.Y) -> list[Any]:
        found: list[Any] = []
        for line in self.drawn:
            rows = [self._row(i, value, line, names, what) for i, value in enumerate(line.values)]
            base = alt.Chart(alt.InlineData(rows)).encode(x=x, y=y)
            known = base.transform_filter("!datum.zero")
            zero = base.transform_filter("datum.zero")
            path = known.mark_line(
                color=line.colour, strokeDash=line.dash, invalid="break-paths-show-path-domains"
            )
            points = known.mark_point(
                color=line.colour, filled=True, size=26, opacity=1, invalid="filter"
            )
            crosses = zero.mark_point(shape="cross", color=GREY, filled=True, size=60, opacity=1)
            found += [
                path,
                points.encode(description="said:N"),
                crosses.encode(description="said:N"),
            ]
        return [*found, self._names(x)]

    def _row(self, i: int, value: float | None, line: Line, names: Sequence[str], what: str) -> Row:
        zero = value == -math.inf
        amount = "not finite" if value is None else "exactly 0" if zero else of_decades(value)
        of = f", {line.name}" if line.name else ""
        return {
            "x": i,
            "y": self.low if zero else value,
            "zero": zero,
            "said": f"{what} {names[i]}{of}: {amount}",
        }

    def _names(self, x: alt.X) -> alt.Chart:
        """At the lines' first ends: at the last one they meet."""
        rows = [
            {"x": 0, "y": self._start(line), "said": line.name} for line in self.drawn if line.name
        ]
        placed = apart(rows, self.low, self.high, self.size.height)
        text = alt.Chart(alt.InlineData(placed)).mark_text(
            align="right", dx=-6, color="currentColor", fontSize=11
        )
        return text.encode(x=x, y=self.at("y"), text="said:N")

    def _start(self, line: Line) -> float:
        first = line.values[0]
        return self.low if first is None or first == -math.inf else first
