"""Charts as SVG: in the colour of the text around, whole names on hover, wide and for a phone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

import altair as alt
import vl_convert
from markupsafe import Markup

Row = dict[str, Any]
"""Of the data of a chart, or of the numbers that are taken from it."""

SVG = "http://www.w3.org/2000/svg"
FONT = '"DejaVu Sans", system-ui, sans-serif'
PAPER = "#ffffff"
"""Of the halo of words that lines run under."""

GAP = 13
"""Pixels between two lines of text."""

ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")


class Size(NamedTuple):
    """Of the plot in pixels, and how many characters a name may have beside it."""

    width: int
    height: int
    letters: int


class Figure(NamedTuple):
    """A chart in two sizes, what it says in words, and its numbers, by what they are."""

    wide: Markup
    narrow: Markup
    said: str
    rows: list[Row]


def figure(
    chart: Callable[[Size], alt.TopLevelMixin],
    said: str,
    rows: list[Row],
    wide: Size,
    narrow: Size,
    names: Mapping[str, str] | None = None,
) -> Figure:
    """Draw a chart.

    Args:
        chart: It, of a size.
        said: What it shows, with the numbers that matter.
        rows: All its numbers, as they were measured.
        wide: The size on a screen and on paper.
        narrow: The size on a phone.
        names: Whole names by how they are cut in the chart.
    """
    return Figure(_drawn(chart(wide), names or {}), _drawn(chart(narrow), names or {}), said, rows)


def _drawn(chart: alt.TopLevelMixin, names: Mapping[str, str]) -> Markup:
    ink = {"labelColor": "currentColor", "titleColor": "currentColor", "tickColor": "currentColor"}
    text = {"titleFontWeight": "normal", "labelFontSize": 11, "titleFontSize": 12, "labelLimit": 0}
    axis = (
        ink
        | text
        | {"domainColor": "currentColor", "gridColor": "currentColor", "gridOpacity": 0.1}
    )
    legend = {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "titleFontWeight": "normal",
        "titleLimit": 0,
    }
    spec: dict[str, Any] = chart.to_dict() | {"background": None}
    spec["config"] |= {
        "axis": axis,
        "legend": legend,
        "view": {"stroke": None},
        "font": FONT,
        "style": {"halo": {"stroke": PAPER}},
    }
    return Markup(_told(vl_convert.vegalite_to_svg(json.dumps(spec)), names))


def _told(svg: str, names: Mapping[str, str]) -> str:
    """With a title, seen on hover, for each mark with a description and each name that is cut."""
    root = ElementTree.fromstring(svg)
    for element in root.iter():
        said = element.attrib.pop("aria-label", None)  # the figure around it speaks for all marks
        whole = said if element.get("role") == "graphics-symbol" else None
        for spoken in ("role", "aria-roledescription"):
            element.attrib.pop(spoken, None)
        whole = names.get(element.text or "") if element.tag == f"{{{SVG}}}text" else whole
        if whole:
            title = ElementTree.SubElement(element, f"{{{SVG}}}title")
            title.text = whole
    return ElementTree.tostring(root, encoding="unicode")


def spread(wanted: Sequence[float], lowest: float, highest: float, gap: float = GAP) -> list[float]:
    """Places as near as possible to those wanted, in their order, a gap apart and in the bounds."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    found = [0.0] * len(wanted)
    least = lowest
    for i in order:
        found[i] = max(wanted[i], least)
        least = found[i] + gap
    most = highest
    for i in reversed(order):
        found[i] = min(found[i], most)
        most = found[i] - gap
    return found
