"""Figures in the sizes of a paper's column and of a slide."""

from __future__ import annotations

import re
import struct
from xml.etree import ElementTree

import pytest

from experiments.report.figures.files import formed
from experiments.report.figures.sizes import SIZES
from experiments.reported import Source
from tests import drawn
from tests.drawn_figures import drawings
from tests.figures_made import awkward, source

__all__ = ["awkward", "drawings", "source"]


pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")


def dots(png: bytes) -> tuple[int, int]:
    return struct.unpack(">II", png[16:24])


def test_a_paper_column_is_84_mm_wide_in_text_of_7_points(
    drawings: dict[str, dict[str, str]],
) -> None:
    size = SIZES["column"]
    for name, svg in drawings["column"].items():
        root = ElementTree.fromstring(svg)
        assert float(root.get("width", "").removesuffix("pt")) == pytest.approx(
            84 / 25.4 * 72, abs=0.01
        )
        scale = float(root.get("width", "").removesuffix("pt")) / drawn.extent(svg)[0]
        assert {round(scale * text.size, 2) for text in drawn.texts(svg)} == {7.0}, name
        assert dots(formed(svg, "png", size))[0] == pytest.approx(84 / 25.4 * 300, abs=1)


def test_a_slide_is_16_to_9_and_its_text_14_points_or_more(
    drawings: dict[str, dict[str, str]], awkward: Source
) -> None:
    for name, svg in drawings["slide"].items():
        root = ElementTree.fromstring(svg)
        assert (root.get("width"), root.get("height")) == ("960.00pt", "540.00pt")
        assert min(text.size * 960 / drawn.extent(svg)[0] for text in drawn.texts(svg)) >= 14, name
        right = max(float(x) for x in re.findall(r'<rect width="([\d.]+)"', svg) or [0])
        assert right == 0  # Vega's own ground would leave a part of the slide
        words = " ".join(text.words for text in drawn.texts(svg))
        assert awkward.document.question.split("<")[0].strip() in words
    assert dots(formed(drawings["slide"]["learning"], "png", SIZES["slide"])) == (2560, 1440)


@pytest.mark.parametrize("size", SIZES)
def test_a_figure_fills_its_size(size: str, drawings: dict[str, dict[str, str]]) -> None:
    for name, svg in drawings[size].items():
        wide, high = drawn.extent(svg)
        panels = drawn.panels(svg)
        grid = SIZES[size].columns if len(panels) > 1 else 1
        assert max(width for width, _ in panels) > 0.55 * wide / grid, name
        assert SIZES[size].height is None or max(height for _, height in panels) > 0.18 * high, name


@pytest.mark.parametrize(
    "name", ["heat-signal_gradient_share", "difference-clipped_weight_gradient_rms"]
)
@pytest.mark.parametrize("size", SIZES)
def test_the_cells_of_a_heat_map_fill_their_panels_and_close(
    name: str, size: str, drawings: dict[str, dict[str, str]]
) -> None:
    svg = drawings[size][name]
    marks = re.findall(
        r'<path aria-label="[^"]*"[^>]*>|<path d="M[^"]*"[^>]*stroke-width="0.4"[^>]*>', svg
    )
    cells = [(mark, re.search(r"M([\d.]+),([\d.]+)h([\d.]+)v([\d.]+)", mark)) for mark in marks]
    assert cells
    for mark, _ in cells:
        assert 'shape-rendering="crispEdges"' in mark, "where two smoothed edges meet, white shows"
        colours = re.findall(r'(?:fill|stroke)="([^"]+)"', mark)
        assert len(set(colours)) == 1, "an edge of another colour shows as a line"
    widths = {round(float(found[3]), 3) for _, found in cells if found}
    heights = {round(float(found[4]), 3) for _, found in cells if found}
    assert len(widths) == len(heights) == 1
    (panel,) = set(drawn.panels(svg))
    assert (widths.pop() * 5, heights.pop() * 6) == pytest.approx(panel, rel=1e-3)
