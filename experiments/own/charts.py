"""The charts of a training: the gradient by layer and step, and the loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import altair as alt

from experiments.own.axes import SOFT, Line, apart, places, powers
from experiments.own.drawing import Row, Size
from experiments.own.names import of_decades
from experiments.report.charts import FORM
from experiments.report.charts.heat import CLOSED
from experiments.report.charts.style import haloed

Scale = Callable[[float], float]
"""From a loss to where it stands on its axis."""


def heat(
    steps: Sequence[int], shares: Sequence[Sequence[float | None]], names: Sequence[str], size: Size
) -> alt.TopLevelMixin:
    """The gradient of each layer at each step, in decades of the last layer's.

    Grey where it is exactly 0 or not finite.

    Args:
        steps: Counted from 1.
        shares: By step and layer, in decades.
        names: Of the layers.
        size: Of the plot.
    """
    rows = [
        _cell(step, i, name, value)
        for step, values in zip(steps, shares, strict=True)
        for i, (name, value) in enumerate(zip(names, values, strict=True))
    ]
    known = [row["value"] for row in rows if row["value"] is not None] or [0.0]
    low = math.floor(min(known))
    high = max(math.ceil(max(known)), low + 1)
    ticks = powers(low, high, 5)
    legend = alt.Legend(
        orient="bottom",
        gradientLength=min(260, size.width),
        values=ticks.values,
        labelExpr=ticks.expression,
    )
    title = "gradient (share of the last layer's)"
    colour = alt.Color(
        "value:Q", title=title, scale=alt.Scale(scheme="viridis", domain=[low, high]), legend=legend
    )
    some = places([str(step) for step in steps], size, 30).values
    x_axis = alt.Axis(values=[steps[i] for i in some], title="step", labelAngle=0)
    y_axis = places(names, Size(size.height, 0, size.letters), 13).axis("layer")
    base = alt.Chart(alt.InlineData(rows)).encode(
        x=alt.X("step:O", axis=x_axis, scale=alt.Scale(round=True, padding=0)),
        y=alt.Y("layer:O", axis=y_axis, scale=alt.Scale(round=True, padding=0)),
        description="said:N",
    )
    nothing = base.transform_filter("!isValid(datum.value)").mark_rect(color=SOFT)
    edge = alt.expr("scale('color', datum.value)")
    cells = (
        base.transform_filter("isValid(datum.value)")
        .mark_rect(stroke=edge, strokeWidth=CLOSED)
        .encode(color=colour)
    )
    return alt.layer(nothing, cells).properties(width=size.width, height=size.height)


def _cell(step: int, layer: int, name: str, value: float | None) -> Row:
    known = value if value is not None and math.isfinite(value) else None
    amount = "0 or not finite" if known is None else of_decades(known)
    return {
        "step": step,
        "layer": layer,
        "value": known,
        "said": f"layer {name}, step {step}: {amount}",
    }


def losses(lines: Sequence[Line], guessing: float | None, size: Size) -> alt.TopLevelMixin:
    """The loss of each step, beside that of always saying the same.

    In decades where it spans more than three.
    """
    level = [] if guessing is None else [guessing]
    found = [value for line in lines for value in line.values if value is not None] + level
    logarithmic = min(found) > 0 and max(found) > 1000 * min(found)
    of = math.log10 if logarithmic else float
    low = of(min(found))
    high = of(max(found))
    pad = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    low, high = low - pad, high + pad
    title = "loss (mean of the batch)"
    axis = (
        powers(low, high).axis(title)
        if logarithmic
        else alt.Axis(format=FORM, tickCount=6, title=title)
    )
    y = alt.Y("y:Q", axis=axis, scale=alt.Scale(domain=[low, high], nice=False, zero=False))
    last = max(len(line.values) for line in lines)
    ticks = places([str(step + 1) for step in range(last)], size, 40)
    x = alt.X(
        "x:Q",
        axis=ticks.axis("step", grid=False),
        scale=alt.Scale(domain=[0, last - 1], nice=False),
    )
    curves = [layer for line in lines for layer in _curve(line, of, x, y)]
    ends = [row for line in lines for row in _end(line, of)]
    names = _words(apart(ends, low, high, size.height), "left", 6, 0)
    beside = names.encode(x=alt.value(size.width), y=y, text="said:N")
    same, words = _level(level, of, y, size)
    return alt.layer(*same, *curves, *words, beside).properties(
        width=size.width, height=size.height
    )


def _level(
    values: list[float], of: Scale, y: alt.Y, size: Size
) -> tuple[list[alt.Chart], list[alt.Chart]]:
    """A dashed line of always saying the same, and its words, which stand above the curves."""
    rows = [{"y": of(value), "said": f"always saying the same: {value:.4g}"} for value in values]
    if not rows:
        return [], []
    level = alt.Chart(alt.InlineData(rows)).encode(y=y)
    rule = level.mark_rule(strokeDash=[5, 3], color=SOFT)
    words = level.encode(x=alt.value(size.width), text="said:N")
    return [rule], haloed(words, align="right", dy=-7, color="currentColor", fontSize=11)


def _curve(line: Line, of: Scale, x: alt.X, y: alt.Y) -> list[Any]:
    rows = [_loss(step, value, line.name, of) for step, value in enumerate(line.values)]
    base = alt.Chart(alt.InlineData(rows)).encode(x=x, y=y)
    path = base.mark_line(
        color=line.colour, strokeDash=line.dash, invalid="break-paths-show-path-domains"
    )
    points = base.mark_point(color=line.colour, filled=True, size=16, opacity=1, invalid="filter")
    return [path, points.encode(description="said:N")]


def _end(line: Line, of: Scale) -> list[Row]:
    """Where a line's name stands: at its last loss, if it is one."""
    last = line.values[-1]
    return [{"y": of(last), "said": line.name}] if line.name and last is not None else []


def _words(rows: list[Row], align: Any, dx: int, dy: int) -> alt.Chart:
    return alt.Chart(alt.InlineData(rows)).mark_text(
        align=align, dx=dx, dy=dy, color="currentColor", fontSize=11
    )


def _loss(step: int, value: float | None, name: str, of: Scale) -> Row:
    amount = "not finite" if value is None else f"{value:.6g}"
    return {
        "x": step,
        "y": None if value is None else of(value),
        "said": f"{name or 'loss'}, step {step + 1}: {amount}",
    }
