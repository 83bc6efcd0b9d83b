"""The figures that were asked for, each drawn and written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from experiments import destinations
from experiments.report.figures import errors, lined, panelled
from experiments.report.figures.files import Words, check_font, finished, formed
from experiments.report.figures.fitted import FONT, fitted
from experiments.report.figures.flags import Asked
from experiments.report.figures.scene import Figure, Nothing, scene
from experiments.report.figures.sizes import SIZES, USUAL
from experiments.reported import Source

OF_A_QUANTITY = {"profile": lined.profile, "heat": panelled.heat, "difference": panelled.difference}
"""One for each quantity that is asked for."""

OTHERS = {
    "learning": lined.learning,
    "agreement": errors.agreement,
    "divergence": panelled.divergence,
    "seconds": panelled.seconds,
}


class Drawn(NamedTuple):
    """What became of an order: the names of the files, and what there was nothing to draw of."""

    files: list[str]
    nothing: list[str]


def draw(sources: list[Source], asked: Asked) -> Drawn:
    """Write the figures.

    Raises:
        OSError: One of them cannot be written, or there is no font.
    """
    check_font(FONT)
    asked.folder.mkdir(parents=True, exist_ok=True)
    # so that two sizes have room in one folder
    of_size = "" if asked.size == USUAL else f"-{asked.size}"
    files: list[str] = []
    nothing: list[str] = []
    for figure in figures(sources, asked):
        if isinstance(figure, Nothing):
            nothing.append(f"{figure.name}: {figure.reason}")
            continue
        svg = svg_of(figure, sources, asked)
        for form in asked.formats:
            name = f"{figure.name}{of_size}.{form}"
            destinations.write(asked.folder / name, formed(svg, form, SIZES[asked.size]))
            files.append(name)
    return Drawn(files, nothing)


def figures(sources: list[Source], asked: Asked) -> Iterator[Figure | Nothing]:
    """The figures by the order of their names, or why there is none."""
    drawn = scene(sources, asked)
    for name in asked.only:
        if name in OF_A_QUANTITY:
            yield from (OF_A_QUANTITY[name](drawn, quantity) for quantity in asked.quantities)
        else:
            yield OTHERS[name](drawn)


def svg_of(figure: Figure, sources: list[Source], asked: Asked) -> str:
    """A figure as SVG, in its size, with its text alternative."""
    size = SIZES[asked.size]
    question = sources[0].document.question
    svg = fitted(figure.build, size, figure.grid, figure.height, question if size.titled else None)
    return finished(svg, size, Words(question, figure.text), figure.name)
