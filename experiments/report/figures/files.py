"""A figure as files: Vega's SVG in its size with a text alternative, and PDF and PNG made of it."""

from __future__ import annotations

import re
from html import escape
from typing import NamedTuple

import vl_convert

from experiments.report.charts.heat import CLOSED
from experiments.report.figures.png import smaller
from experiments.report.figures.sizes import Size

ROOT = re.compile(r'^<svg\b[^>]*?width="([\d.]+)" height="([\d.]+)"[^>]*>(<rect [^>]*/>)?')
"""The root of Vega's SVG, and its ground."""

CELL = f'stroke-width="{CLOSED}"'
"""What only the cells of a heat map have: where one is smoothed at its edge, white shows between it
and the next."""

PAGE_GROUP = re.compile(rb"/Group <<.*?>>", re.DOTALL)


def check_font(font: str) -> None:
    """Refuse to draw where there would be no text.

    Raises:
        OSError: None of the fonts is installed.
    """
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text y="9" '
        f'font-family="{font}">a</text></svg>'
    )
    if b"/FontFile" not in vl_convert.svg_to_pdf(svg):
        raise OSError(0, f"no font is installed for their text; install one of {font}")


class Words(NamedTuple):
    """The text alternative of a figure."""

    title: str
    text: str


def extent(svg: str) -> tuple[float, float]:
    """The width and the height of Vega's SVG, in pixels."""
    found = ROOT.match(svg)
    if not found:
        raise ValueError("Vega's SVG must begin with its size")
    return float(found[1]), float(found[2])


def finished(svg: str, size: Size, words: Words, name: str) -> str:
    """The SVG in its size, in points, on white, with its title and its description."""
    width = size.width
    height = size.tall or extent(svg)[1]
    ids = f"{name}-title", f"{name}-text"
    points = f'width="{size.points:.2f}pt" height="{height * size.scale:.2f}pt"'
    root = (
        f'<svg xmlns="http://www.w3.org/2000/svg" version="1.1" {points} viewBox="0 0 {width:.2f} '
        f'{height:.2f}" role="img" aria-labelledby="{ids[0]} {ids[1]}"><title '
        f'id="{ids[0]}">{escape(words.title)}</title><desc '
        f'id="{ids[1]}">{escape(words.text)}</desc><rect width="100%" height="100%" fill="white"/>'
    )
    return ROOT.sub(lambda _: root, svg, count=1).replace(
        CELL, f'{CELL} shape-rendering="crispEdges"'
    )


def formed(svg: str, form: str, size: Size) -> bytes:
    """The finished SVG in a format; what draws it takes a pixel for a point."""
    if form == "svg":
        return svg.encode()
    plain = re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2"', svg, count=2)
    if form == "png":
        return smaller(vl_convert.svg_to_png(plain, ppi=size.ppi))
    return _ungrouped(vl_convert.svg_to_pdf(plain))


def _ungrouped(pdf: bytes) -> bytes:
    """The PDF without the transparency group of its page, of which LaTeX warns.

    As long as it was, since it has an index.
    """
    at = pdf.find(b"/Type /Page\n")
    end = pdf.find(b"endobj", at)
    page = PAGE_GROUP.sub(lambda found: b" " * len(found[0]), pdf[at:end], count=1)
    return pdf[:at] + page + pdf[end:]
