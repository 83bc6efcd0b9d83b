"""The gallery.

Of each experiment its question, a figure, the sentence of its findings that answers, the figure's
command.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from backends import DEFINITION
from experiments.comparing.comparison import compare
from experiments.report.figures.drawn import figures, svg_of
from experiments.report.figures.files import formed
from experiments.report.figures.flags import asked
from experiments.report.figures.scene import Nothing
from experiments.report.figures.sizes import POINTS, SIZES
from experiments.report.pictures import FIGURES, Picture

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

DOTS = 2
"""Of a picture for each point of its figure: the page has smaller ones than the command writes."""


class Shown(NamedTuple):
    """What the page has of an experiment."""

    name: str
    question: str
    sentence: str
    alternative: str
    png: bytes
    picture: Picture

    @property
    def paths(self) -> list[Path]:
        """Where the picture is kept."""
        also = [DOCS / "images" / self.picture.also] if self.picture.also else []
        return [DOCS / "images" / "gallery" / f"{self.name}.png", *also]


def show(picture: Picture, output: Path) -> Shown:
    """Run what is not there yet, and make what is shown.

    Raises:
        UserError: Something of the picture is not known.
    """
    options = picture.options
    order = asked(options)
    assert order
    source, _ = compare(replace(options, output=output), picture.command, [DEFINITION], [])
    (figure,) = figures([source], order)
    if isinstance(figure, Nothing):
        raise ValueError(f"{picture.name} must have a figure: {figure.reason}")
    size = SIZES[picture.size]
    png = formed(svg_of(figure, [source], order), "png", size._replace(ppi=_dots(picture) * POINTS))
    return Shown(
        picture.name,
        source.document.question,
        picture.says(source.document),
        figure.text,
        png,
        picture,
    )


def _dots(picture: Picture) -> float:
    """A slide is large enough with a dot for each of its points."""
    return 1 if picture.size == "slide" else DOTS


def page(found: Sequence[Shown]) -> str:
    """docs/gallery.md."""
    return "\n".join(_page(found)) + "\n"


def _page(found: Sequence[Shown]) -> Iterator[str]:
    yield "# Gallery"
    yield ""
    yield (
        "Each experiment of the catalogue: its question, a figure, and a sentence of its answer. "
        "The command beside a figure"
    )
    yield (
        f"writes it to `{FIGURES}/`, as PDF and PNG of 300 dots to an inch: 84 mm wide for a "
        "column of a paper, where it"
    )
    yield (
        "names no size. The pictures here are smaller copies. `python -m experiments.gallery "
        "--write` has made all of it;"
    )
    yield "the definition runs alone for it, on whose lines those of a framework lie."
    for one in found:
        yield from ("", f"## {one.name}", "", one.question, "")
        yield f"![{_plain(one.alternative)}](images/gallery/{one.name}.png)"
        yield from ("", one.sentence, "", "```sh", one.picture.command, "```")


def _plain(text: str) -> str:
    """Text that ends no bracket of Markdown."""
    return text.translate(str.maketrans("[]\n", "() "))
