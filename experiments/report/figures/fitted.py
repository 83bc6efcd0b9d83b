"""A chart fitted into its size: its plots are as large as what is around them lets them be."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import vl_convert

from experiments.report.figures.files import extent
from experiments.report.figures.sizes import Size
from experiments.report.labels import TEXT, wrapped

INK = "#000000"
FONT = "DejaVu Sans, Verdana, Liberation Sans, Noto Sans, Helvetica, Arial, sans-serif"
"""The first has the raised digits, and no font that is put in its place is wider."""

LARGE = 18
"""The size of a slide's title."""

MARGIN, MARGIN_OF_SLIDE = 3, 16
"""What is free around a figure."""

TRIES = 5
LEAST = 40
"""Pixels that a plot has at least."""


class Plot(NamedTuple):
    """The size of a panel, or of the only one."""

    width: float
    height: float


class Grid(NamedTuple):
    """How many panels are beside and below one another."""

    columns: int
    rows: int


Build = Callable[[Plot], dict[str, Any]]
"""The specification of a chart whose plots are so large."""


def fitted(build: Build, size: Size, grid: Grid, height: float, title: str | None) -> str:
    """The SVG of a chart that fills its size, under a title.

    Args:
        build: Makes the chart.
        size: What it is fitted into.
        grid: Its panels.
        height: Of a plot, where the size does not give that.
        title: What stands above it, or None.
    """
    plot = Plot((size.width - 80) / grid.columns - 20, height)
    svg = ""
    best = ""
    largest = Plot(0, 0)
    for _ in range(TRIES):
        svg = vl_convert.vegalite_to_svg(json.dumps(_themed(build(plot), size, title)))
        width, tall = extent(svg)
        wider = (size.width - width) / grid.columns
        higher = (size.tall - tall) / grid.rows if size.tall else 0
        if wider >= 0 and higher >= 0 and plot > largest:  # with a label more it may be wider again
            best, largest = svg, plot
        if 0 <= wider < 1 and 0 <= higher < 1:
            break
        plot = Plot(
            max(LEAST, math.floor(plot.width + wider)), max(LEAST, math.floor(plot.height + higher))
        )
    return best or svg


def _themed(spec: dict[str, Any], size: Size, title: str | None) -> dict[str, Any]:
    if title:
        lines = wrapped(title, size.width - 2 * _margin(size), 3, LARGE)
        spec["title"] = {
            "text": lines,
            "fontSize": LARGE,
            "anchor": "start",
            "fontWeight": "normal",
            "offset": 14,
        }
    return spec | {"config": _look(size) | spec.get("config", {})}


def _margin(size: Size) -> int:
    return MARGIN_OF_SLIDE if size.titled else MARGIN


def _look(size: Size) -> dict[str, Any]:
    """As the page looks on white."""
    text = {"labelFontSize": TEXT, "titleFontSize": TEXT, "labelColor": INK, "titleColor": INK}
    axis = text | {
        "gridColor": INK,
        "domainColor": INK,
        "tickColor": INK,
        "gridOpacity": 0.12,
        "titleFontWeight": "normal",
    }
    legend = text | {
        "orient": "bottom",
        "columns": size.columns,
        "labelLimit": 0,
        "titleLimit": 0,
        "titleFontWeight": "normal",
    }
    legend["layout"] = {"bottom": {"anchor": "start", "direction": "vertical"}}
    return {
        "background": "white",
        "font": FONT,
        "aria": False,
        "padding": _margin(size),
        "axis": axis,
        "legend": legend,
        "header": text,
        "text": {"color": INK, "fontSize": TEXT},
        "style": {"halo": {"stroke": "white"}},
        "title": {"color": INK},
        "facet": {"spacing": {"row": 20, "column": 20}},
        "view": {"stroke": "#bbbbbb"},
    }
