"""The sizes of figures.

Each is laid out in the page's pixels, in which text is 12 high, and scaled as a whole.

So a figure of any size looks as the page does, and a name stands where the page's script puts it.
"""

from __future__ import annotations

from typing import NamedTuple

from experiments.report.labels import TEXT

INCH = 25.4
POINTS = 72
"""Points in an inch; a millimetre is 72 / 25.4 of them."""

PAPER = 7
"""The size of text in a paper, in points."""


class Size(NamedTuple):
    """How large a figure is.

    Attributes:
        points: Its width.
        scale: Points to a pixel of the page.
        height: In points, or None for as high as its chart is.
        ppi: Dots to an inch, as PNG.
        plot: How high the chart's plot is, in pixels, where `height` does not say it.
        columns: Panels beside one another, at most.
        titled: Whether the experiment's question stands above it.
    """

    points: float
    scale: float
    height: float | None
    ppi: float
    plot: int
    columns: int
    titled: bool

    @property
    def width(self) -> float:
        """In pixels."""
        return self.points / self.scale

    @property
    def tall(self) -> float | None:
        """How high it is in pixels, if that is given."""
        return self.height / self.scale if self.height else None


def _paper(millimetres: float, plot: int, columns: int) -> Size:
    return Size(millimetres / INCH * POINTS, PAPER / TEXT, None, 300, plot, columns, titled=False)


USUAL = "column"
"""The size where none is asked for: the names of its files do not say it."""

SIZES = {
    "column": _paper(84, 210, 2),
    "double": _paper(174, 300, 4),
    "slide": Size(
        960, 1.2, 540, 2 * 96, 300, 4, titled=True
    ),  # 13.33 x 7.5 in; 2560 x 1440 dots; text of 14.4 points
}
