"""What a figure shows, read from its SVG: each text with its place, and which of them are clipped
or lie on one another.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

from experiments.report.labels import width

SVG = "{http://www.w3.org/2000/svg}"
MOVES = re.compile(r"(translate|rotate|scale)\(([^)]*)\)")
ASCENT, DESCENT = 0.74, 0.2
"""What of a line of text is above and below its base line, over its size."""
SLACK = 1.0
"""Pixels by which texts may touch: widths are upper bounds."""


class Place(NamedTuple):
    """Where a coordinate system begins, and whether it is turned by a quarter to the left."""

    x: float
    y: float
    turned: bool

    def at(self, x: float, y: float) -> tuple[float, float]:
        return (self.x + y, self.y - x) if self.turned else (self.x + x, self.y + y)


class Text(NamedTuple):
    """A text, its size, and its corners."""

    words: str
    size: float
    left: float
    top: float
    right: float
    bottom: float


def moved(place: Place, transform: str) -> Place:
    for kind, numbers in MOVES.findall(transform):
        values = [float(number) for number in numbers.split(",")]
        if kind == "translate":
            place = Place(*place.at(values[0], values[1] if len(values) > 1 else 0.0), place.turned)
        elif kind == "rotate" and values[0] in (-90.0, 270.0):
            place = place._replace(turned=True)
        elif kind == "rotate" and values[0] != 0:
            raise ValueError(f"a rotation of {values[0]} is not known here")
    return place


def texts(svg: str) -> list[Text]:
    """All but the halos, each of which lies behind its text."""
    root = ElementTree.fromstring(svg)
    return list(_texts(root, Place(0, 0, False), 12.0))


def _texts(node: ElementTree.Element, place: Place, size: float) -> Iterator[Text]:
    place = moved(place, node.get("transform", ""))
    if node.tag == f"{SVG}text" and node.get("opacity") != "0" and not node.get("stroke"):
        size = float(node.get("font-size", "12px").removesuffix("px"))
        anchor = node.get("text-anchor", "start")
        for number, words in enumerate([node.text or "", *(span.text or "" for span in node)]):
            if words.strip():
                down = sum(float(span.get("dy", 0)) for span in list(node)[:number])
                yield _corners(words, size, place, anchor, down)
    for child in node:
        yield from _texts(child, place, size)


def _corners(words: str, size: float, place: Place, anchor: str, down: float) -> Text:
    wide = width(words, size)
    left = {"start": 0.0, "middle": -wide / 2, "end": -wide}[anchor]
    one = place.at(left, down - ASCENT * size)
    other = place.at(left + wide, down + DESCENT * size)
    (x0, x1), (y0, y1) = sorted([one[0], other[0]]), sorted([one[1], other[1]])
    return Text(words, size, x0, y0, x1, y1)


def extent(svg: str) -> tuple[float, float]:
    _, _, wide, high = map(float, ElementTree.fromstring(svg).get("viewBox", "").split())
    return wide, high


def panels(svg: str) -> list[tuple[float, float]]:
    """The width and the height of each plot, as its frame has them."""
    found = re.findall(r'class="background"[^>]*d="M0\.5,0\.5h([\d.]+)v([\d.]+)h-', svg)
    return [(float(wide), float(high)) for wide, high in found]


def clipped(svg: str) -> list[str]:
    """The texts that are not whole within the figure."""
    wide, high = extent(svg)
    inside = [
        (
            one.left >= -SLACK
            and one.top >= -SLACK
            and one.right <= wide + SLACK
            and one.bottom <= high + SLACK,
            one,
        )
        for one in texts(svg)
    ]
    return [one.words for whole, one in inside if not whole]


def overlapping(svg: str) -> list[tuple[str, str]]:
    """The texts that lie on one another."""
    return [(a.words, b.words) for a, b in itertools.combinations(texts(svg), 2) if _meet(a, b)]


def _meet(a: Text, b: Text) -> bool:
    across = min(a.right, b.right) - max(a.left, b.left)
    down = min(a.bottom, b.bottom) - max(a.top, b.top)
    return across > SLACK and down > SLACK
