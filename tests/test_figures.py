"""Figures to order: whole and legible, in their size, at every size."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from experiments.report.figures import fitted, rows
from experiments.report.figures.drawn import svg_of
from experiments.report.figures.files import extent, formed
from experiments.report.figures.fitted import Plot
from experiments.report.figures.flags import FIGURES
from experiments.report.figures.sizes import SIZES
from experiments.report.labels import GAP
from experiments.reported import Source
from tests import drawn
from tests.drawn_figures import drawings
from tests.figures_made import LONG, all_of, awkward, made, source

__all__ = ["awkward", "drawings", "source"]

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")


def test_every_figure_is_drawn(drawings: dict[str, dict[str, str]]) -> None:
    for of_size in drawings.values():
        assert {name.partition("-")[0] for name in of_size} == set(FIGURES)


@pytest.mark.parametrize("size", SIZES)
def test_no_label_is_clipped(size: str, drawings: dict[str, dict[str, str]]) -> None:
    assert {
        name: found for name, svg in drawings[size].items() if (found := drawn.clipped(svg))
    } == {}


@pytest.mark.parametrize("size", SIZES)
def test_no_label_lies_on_another(size: str, drawings: dict[str, dict[str, str]]) -> None:
    assert {
        name: found for name, svg in drawings[size].items() if (found := drawn.overlapping(svg))
    } == {}


@pytest.mark.parametrize("name", ["profile-signal_gradient_share", "learning"])
def test_a_name_that_is_not_cut_is_seen_as_clipped(
    name: str, awkward: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "wrapped", lambda text, *_: [text])
    order = all_of(awkward)
    assert LONG in drawn.clipped(svg_of(made(awkward, order)[name], [awkward], order))


def test_names_that_are_not_put_apart_are_seen_to_lie_on_one_another(
    awkward: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left(labels: list[dict[str, Any]], _: float) -> None:
        for label in labels:
            label["at"] = label["from"]

    monkeypatch.setattr(rows, "apart", left)
    order = all_of(awkward, only=("learning",))
    assert drawn.overlapping(svg_of(made(awkward, order)["learning"], [awkward], order))


@pytest.mark.parametrize("name", ["profile-signal_gradient_share", "learning"])
def test_names_are_a_line_apart(name: str, awkward: Source) -> None:
    found = made(awkward, all_of(awkward))[name].build(Plot(300, 210))["datasets"]
    ((_, of_chart),) = found.items()
    places = sorted(row["at"] for row in of_chart if row["kind"] == "label" and row["text"])
    assert len(places) >= 8
    assert min(np.diff(places)) >= GAP - 1e-9


UNITS = {
    "profile-signal_gradient_share": ["(share)", "layer, from the first"],
    "learning": ["training loss (nats)", "training step"],
    "heat-signal_gradient_share": [
        "gradient relative to the last (share)",
        "layer",
        "training step",
    ],
    "difference-clipped_weight_gradient_rms": [
        "decades from the definition",
        "layer",
        "training step",
    ],
    "agreement": ["largest error (relative), and its bound", "configuration"],
    "divergence": ["(relative)", "training step"],
    "seconds": ["time (s)"],
}


@pytest.mark.parametrize("size", SIZES)
def test_every_axis_has_its_title_and_unit(size: str, drawings: dict[str, dict[str, str]]) -> None:
    for name, said in UNITS.items():
        words = " ".join(text.words for text in drawn.texts(drawings[size][name]))
        assert [one for one in said if one not in words] == [], name


def test_every_figure_has_a_text_alternative(
    drawings: dict[str, dict[str, str]], awkward: Source
) -> None:
    for name, svg in drawings["column"].items():
        root = ElementTree.fromstring(svg)
        title, text = root[0], root[1]
        assert [title.tag, text.tag] == [f"{drawn.SVG}title", f"{drawn.SVG}desc"], name
        assert root.get("role") == "img"
        assert root.get("aria-labelledby") == f"{title.get('id')} {text.get('id')}"
        assert title.text == awkward.document.question
        assert len(text.text or "") > 60, name


def test_a_hostile_name_stays_text(drawings: dict[str, dict[str, str]]) -> None:
    for name, svg in drawings["slide"].items():
        tags = {node.tag.removeprefix(drawn.SVG) for node in ElementTree.fromstring(svg).iter()}
        assert tags <= {
            "svg",
            "title",
            "desc",
            "rect",
            "g",
            "path",
            "text",
            "tspan",
            "defs",
            "line",
            "linearGradient",
            "stop",
            "clipPath",
        }, name
        assert "window.pwned=1" in (ElementTree.fromstring(svg)[0].text or "")
        assert "<script" not in svg


def test_a_name_is_in_no_place_of_a_chart_but_its_rows_and_the_colours_domain(
    source: Source,
) -> None:
    for name, figure in made(source, all_of(source)).items():
        spec = figure.build(Plot(300, 200))
        domains = re.sub(r'"domain": \[[^\]]*\]', "", json.dumps(spec | {"datasets": {}}))
        assert "window.pwned" not in domains, name


def test_no_line_of_a_figure_runs_through_the_words_of_the_band_or_a_name(
    drawings: dict[str, dict[str, str]],
) -> None:
    svg = drawings["column"]["profile-signal_gradient_share"]
    halos = re.findall(r'<text[^>]*stroke="([^"]*)" stroke-width="4"', svg)
    assert len(halos) >= 3
    assert set(halos) == {"white"}
    last = svg.index('stroke-width="4"', svg.index("mark-text role-mark"))
    assert svg.rindex("mark-line role-mark") < last
    assert svg.rindex("mark-symbol role-mark") < last


def test_powers_of_ten_have_raised_digits(drawings: dict[str, dict[str, str]]) -> None:
    words = [text.words for text in drawn.texts(drawings["column"]["agreement"])]
    assert "10⁻¹²" in words
    assert [word for word in words if re.search(r"\de[-+]?\d", word)] == []


# --- the sizes and the files


def test_a_figure_is_never_larger_than_its_size_though_a_label_more_makes_it_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def drawn_by_vega(spec: str) -> str:
        plot = json.loads(spec)["plot"]
        around = 90 if plot >= 320 else 70  # as wide as a label that there is room for
        return (
            f'<svg width="{plot + around}" height="100" viewBox="0 0 1 1"><rect width="1" '
            'height="1"/></svg>'
        )

    monkeypatch.setattr(fitted.vl_convert, "vegalite_to_svg", drawn_by_vega)
    svg = fitted.fitted(
        lambda plot: {"plot": plot.width}, SIZES["column"], fitted.Grid(1, 1), 100, None
    )
    assert SIZES["column"].width - 25 < extent(svg)[0] <= SIZES["column"].width


def test_a_pdf_has_its_fonts_in_it_and_no_group_of_its_page(
    drawings: dict[str, dict[str, str]],
) -> None:
    for name, svg in drawings["column"].items():
        pdf = formed(svg, "pdf", SIZES["column"])
        assert pdf.startswith(b"%PDF-1.7")
        assert pdf.count(b"/FontDescriptor\n") == pdf.count(b"/FontFile"), name
        assert b"/FontFile" in pdf
        page = pdf[pdf.index(b"/Type /Page\n") :]
        assert b"/Group" not in page[: page.index(b"endobj")], name
        (box,) = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
        assert float(box[0]) == pytest.approx(84 / 25.4 * 72, abs=0.6)
