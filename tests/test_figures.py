"""Figures to order: whole, legible, in their size; their numbers the store's; and what is refused before anything is run."""

from __future__ import annotations

import dataclasses
import json
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from common.errors import UserError
from experiments import index, reported
from experiments.findings import theory
from experiments.report.figures import fitted, rows
from experiments.report.figures.drawn import draw, figures, svg_of
from experiments.report.figures.files import extent, formed
from experiments.report.figures.fitted import Plot
from experiments.report.figures.flags import FIGURES, Asked, Flags, asked, check
from experiments.report.figures.scene import Figure, Nothing
from experiments.report.figures.sizes import SIZES
from experiments.report.labels import GAP
from experiments.report.quantities import SHOWN
from experiments.reported import Source
from experiments.store import Run
from tests import drawn
from tests.stored import EVIL, make

ROOT = Path(__file__).parents[1]
LONG = "a layer with a name that nobody would write, WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW, and its end"
QUANTITIES = ("signal_gradient_share", "clipped_weight_gradient_rms")

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return make(tmp_path_factory.mktemp("figures") / "runs")


def parted(run: Run) -> Run:
    """A run whose gradients are 1.5 times the definition's, which is broken."""
    quantities = {name: 1.5 * values for name, values in run.trace.quantities.items()}
    checks = [check.model_copy(update={"outcome": "broken", "error": 1e-9}) for check in run.header.checks]
    return Run(run.header.model_copy(update={"checks": checks}), dataclasses.replace(run.trace, quantities=quantities))


@pytest.fixture(scope="module")
def awkward(source: Source) -> Source:
    """Eight configurations, most of them alike, one with a long name and one with a hostile one; and torch is broken."""
    (path,) = Path(source.label).glob("experiment-*.json")
    made = index.read(path)
    first, second, *others = made.entries
    copies = [second.model_copy(update={"name": f"tanh + xavier + {word}"}) for word in ("one", "two", "three")]
    entries = [first.model_copy(update={"name": LONG}), second, *others, *copies]
    torch = second.runs["torch"]
    runs = {run_id: parted(run) if run_id == torch else run for run_id, run in source.runs.items()}
    return reported.source(made.model_copy(update={"entries": entries}), runs, source.label)


def all_of(source: Source, **words: Any) -> Asked:
    names = tuple(source.entries)
    return Asked(Path("nowhere"), draw=names, quantities=QUANTITIES, **words)


def made(source: Source, order: Asked) -> dict[str, Figure]:
    return {one.name: one for one in figures([source], order) if isinstance(one, Figure)}


@pytest.fixture(scope="module")
def drawings(awkward: Source) -> dict[str, dict[str, str]]:
    """Every figure at every size, as SVG."""
    orders = {size: all_of(awkward, size=size) for size in SIZES}
    return {
        size: {name: svg_of(figure, [awkward], order) for name, figure in made(awkward, order).items()}
        for size, order in orders.items()
    }


def test_every_figure_is_drawn(drawings: dict[str, dict[str, str]]) -> None:
    for of_size in drawings.values():
        assert {name.partition("-")[0] for name in of_size} == set(FIGURES)


@pytest.mark.parametrize("size", SIZES)
def test_no_label_is_clipped(size: str, drawings: dict[str, dict[str, str]]) -> None:
    assert {name: found for name, svg in drawings[size].items() if (found := drawn.clipped(svg))} == {}


@pytest.mark.parametrize("size", SIZES)
def test_no_label_lies_on_another(size: str, drawings: dict[str, dict[str, str]]) -> None:
    assert {name: found for name, svg in drawings[size].items() if (found := drawn.overlapping(svg))} == {}


@pytest.mark.parametrize("name", ["profile-signal_gradient_share", "learning"])
def test_a_name_that_is_not_cut_is_seen_as_clipped(name: str, awkward: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "wrapped", lambda text, *_: [text])
    order = all_of(awkward)
    assert LONG in drawn.clipped(svg_of(made(awkward, order)[name], [awkward], order))


def test_names_that_are_not_put_apart_are_seen_to_lie_on_one_another(awkward: Source, monkeypatch: pytest.MonkeyPatch) -> None:
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
    "heat-signal_gradient_share": ["gradient relative to the last (share)", "layer", "training step"],
    "difference-clipped_weight_gradient_rms": ["decades from the definition", "layer", "training step"],
    "agreement": ["largest error (relative), and its bound", "configuration"],
    "divergence": ["(relative)", "training step"],
    "seconds": ["time (s)"],
}


@pytest.mark.parametrize("size", SIZES)
def test_every_axis_has_its_title_and_unit(size: str, drawings: dict[str, dict[str, str]]) -> None:
    for name, said in UNITS.items():
        words = " ".join(text.words for text in drawn.texts(drawings[size][name]))
        assert [one for one in said if one not in words] == [], name


def test_every_figure_has_a_text_alternative(drawings: dict[str, dict[str, str]], awkward: Source) -> None:
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


def test_a_name_is_in_no_place_of_a_chart_but_its_rows_and_the_colours_domain(source: Source) -> None:
    for name, figure in made(source, all_of(source)).items():
        spec = figure.build(Plot(300, 200))
        domains = re.sub(r'"domain": \[[^\]]*\]', "", json.dumps(spec | {"datasets": {}}))
        assert "window.pwned" not in domains, name


def test_powers_of_ten_have_raised_digits(drawings: dict[str, dict[str, str]]) -> None:
    words = [text.words for text in drawn.texts(drawings["column"]["agreement"])]
    assert "10⁻¹²" in words
    assert [word for word in words if re.search(r"\de[-+]?\d", word)] == []


# --- the sizes and the files


def dots(png: bytes) -> tuple[int, int]:
    return struct.unpack(">II", png[16:24])


def test_a_paper_column_is_84_mm_wide_in_text_of_7_points(drawings: dict[str, dict[str, str]]) -> None:
    size = SIZES["column"]
    for name, svg in drawings["column"].items():
        root = ElementTree.fromstring(svg)
        assert float(root.get("width", "").removesuffix("pt")) == pytest.approx(84 / 25.4 * 72, abs=0.01)
        scale = float(root.get("width", "").removesuffix("pt")) / drawn.extent(svg)[0]
        assert {round(scale * text.size, 2) for text in drawn.texts(svg)} == {7.0}, name
        assert dots(formed(svg, "png", size))[0] == pytest.approx(84 / 25.4 * 300, abs=1)


def test_a_slide_is_16_to_9_and_its_text_14_points_or_more(drawings: dict[str, dict[str, str]], awkward: Source) -> None:
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


@pytest.mark.parametrize("name", ["heat-signal_gradient_share", "difference-clipped_weight_gradient_rms"])
@pytest.mark.parametrize("size", SIZES)
def test_the_cells_of_a_heat_map_fill_their_panels_and_close(name: str, size: str, drawings: dict[str, dict[str, str]]) -> None:
    svg = drawings[size][name]
    marks = re.findall(r'<path aria-label="[^"]*"[^>]*>|<path d="M[^"]*"[^>]*stroke-width="0.4"[^>]*>', svg)
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


def test_a_figure_is_never_larger_than_its_size_though_a_label_more_makes_it_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn_by_vega(spec: str) -> str:
        plot = json.loads(spec)["plot"]
        around = 90 if plot >= 320 else 70  # as wide as a label that there is room for
        return f'<svg width="{plot + around}" height="100" viewBox="0 0 1 1"><rect width="1" height="1"/></svg>'

    monkeypatch.setattr(fitted.vl_convert, "vegalite_to_svg", drawn_by_vega)
    svg = fitted.fitted(lambda plot: {"plot": plot.width}, SIZES["column"], fitted.Grid(1, 1), 100, None)
    assert SIZES["column"].width - 25 < extent(svg)[0] <= SIZES["column"].width


def test_a_pdf_has_its_fonts_in_it_and_no_group_of_its_page(drawings: dict[str, dict[str, str]]) -> None:
    for name, svg in drawings["column"].items():
        pdf = formed(svg, "pdf", SIZES["column"])
        assert pdf.startswith(b"%PDF-1.7")
        assert pdf.count(b"/FontDescriptor\n") == pdf.count(b"/FontFile"), name
        assert b"/FontFile" in pdf
        page = pdf[pdf.index(b"/Type /Page\n") :]
        assert b"/Group" not in page[: page.index(b"endobj")], name
        (box,) = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
        assert float(box[0]) == pytest.approx(84 / 25.4 * 72, abs=0.6)


def test_without_a_font_nothing_is_drawn(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.report.figures.drawn.FONT", "No Such Font")
    with pytest.raises(OSError, match="no font is installed for their text; install one of No Such Font"):
        draw([source], dataclasses.replace(all_of(source), folder=tmp_path / "new"))
    assert list(tmp_path.iterdir()) == []


def test_files_are_of_the_kinds_that_were_asked_for(source: Source, tmp_path: Path) -> None:
    order = dataclasses.replace(all_of(source), folder=tmp_path / "new", only=("learning",), formats=("svg", "png"))
    assert draw([source], order).files == ["learning.svg", "learning.png"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["learning.png", "learning.svg"]


def test_a_second_size_leaves_the_first_in_the_folder(source: Source, tmp_path: Path) -> None:
    order = dataclasses.replace(all_of(source), folder=tmp_path, only=("learning",), formats=("svg",))
    found = [name for size in SIZES for name in draw([source], dataclasses.replace(order, size=size)).files]
    assert found == ["learning.svg", "learning-double.svg", "learning-slide.svg"]
    assert len({(tmp_path / name).read_bytes() for name in found}) == 3


def test_a_difference_that_cannot_be_seen_is_said_and_not_drawn(source: Source, tmp_path: Path) -> None:
    order = dataclasses.replace(all_of(source), folder=tmp_path, only=("difference",), quantities=QUANTITIES[:1])
    found = draw([source], order)
    assert (found.files, found.nothing) == ([], ["difference-signal_gradient_share: none that is to be seen"])


# --- the numbers


def stored(source: Source, name: str) -> pl.DataFrame:
    """What the store has of the definition's run, read by polars and by nothing of ours."""
    run_id = source.entries[name].runs["numpy"]
    return pl.read_parquet(Path(source.label) / f"{run_id}.parquet").sort("step", "layer", "seed")


def test_what_theory_expects_is_dotted_where_it_says_something(source: Source) -> None:
    name = "profile-signal_gradient_share"
    found = [row for row in drawn_rows(source, name) if row["kind"] == "theory"]
    expected = {of: theory.gradient_share(entry.plan) for of, entry in source.entries.items()}
    assert any(expected.values())
    for configuration, shares in expected.items():
        line = [row["mid"] for row in found if row["configuration"] == configuration]
        drawable = [share if share and np.isfinite(share) else None for share in shares or ()]
        assert line == [share and pytest.approx(share, rel=1e-3) for share in drawable]
    assert "Dotted: mean-field theory." in made(source, all_of(source))[name].text
    (step,) = [step for step in all_steps(source) if step][:1]
    later = made(source, all_of(source, step=step))[name]
    assert "Dotted" not in later.text  # it knows the first step alone


def all_steps(source: Source) -> list[int]:
    return next(run for run in source.runs.values()).trace.steps.tolist()


def drawn_rows(source: Source, name: str, **words: Any) -> list[dict[str, Any]]:
    figure = made(source, all_of(source, **words))[name]
    ((_, found),) = figure.build(Plot(700, 300))["datasets"].items()
    return found


@pytest.mark.parametrize("step", [0, 3])
def test_every_number_of_a_profile_is_the_stores(step: int, source: Source) -> None:
    found = drawn_rows(source, "profile-clipped_weight_gradient_rms", step=step)
    compared = 0
    for name in ("sigmoid + xavier", "tanh + xavier", EVIL):
        table = stored(source, name).filter(step=step)["clipped_weight_gradient_rms"].to_numpy().reshape(6, 2)
        mine = [row for row in found if row["kind"] == "value" and row["configuration"] == name]
        values = np.array([[row["low"], row["mid"], row["high"]] for row in mine])
        expected = np.stack([table.min(1), np.exp(np.log(table).mean(1)), table.max(1)], axis=1)
        np.testing.assert_allclose(values, expected, rtol=0.5001e-3)
        assert [row["layer"] for row in mine] == list(range(1, 7))
        compared += values.size
    assert compared == 3 * 6 * 3


def test_every_loss_is_the_stores(source: Source) -> None:
    found = drawn_rows(source, "learning")
    for name in ("sigmoid + xavier", "tanh + xavier", EVIL):
        table = stored(source, name).filter(layer=1)["loss"].to_numpy().reshape(5, 2)
        mine = [row for row in found if row["kind"] == "value" and row["configuration"] == name]
        values = np.array([[row["low"], row["mid"], row["high"]] for row in mine])
        np.testing.assert_allclose(values, np.stack([table.min(1), table.mean(1), table.max(1)], axis=1), rtol=0.5001e-3)


def test_every_cell_is_the_stores(source: Source) -> None:
    found = drawn_rows(source, "heat-clipped_weight_gradient_rms")
    table = stored(source, "tanh + xavier")["clipped_weight_gradient_rms"].to_numpy().reshape(5, 6, 2)
    mine = {(row["step"], row["layer"]): row["mid"] for row in found if row["configuration"] == "tanh + xavier"}
    values = np.array([[mine[step, layer] for layer in range(1, 7)] for step in range(5)])
    np.testing.assert_allclose(values, np.exp(np.log(table).mean(2)), rtol=0.5001e-3)


def test_a_difference_is_how_many_decades_a_backend_is_from_the_definition(awkward: Source) -> None:
    found = drawn_rows(awkward, "difference-clipped_weight_gradient_rms")
    assert {row["backend"] for row in found} == {"torch"}
    assert [row["mid"] for row in found] == pytest.approx([np.log10(1.5)] * len(found), abs=2e-3)


def test_what_has_no_value_is_said_at_its_name(source: Source) -> None:
    words = [row["text"] for row in drawn_rows(source, "profile-signal_gradient_share") if row["kind"] == "label"]
    assert "breaks (no value)" in words
    assert "crashes (no run)" in words


# --- what is refused


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"only": ("profiel",)}, "--only: no figure is called 'profiel'; did you mean 'profile'?"),
        ({"only": ("profile,heatt",)}, "--only: no figure is called 'heatt'; did you mean 'heat'?"),
        ({"quantity": ("update_ration",)}, "--quantity: no quantity is called 'update_ration'; did you mean 'update_ratio'?"),
        ({"size": "colum"}, "--size: no size is called 'colum'; did you mean 'column'?"),
        ({"format": ("jpeg",)}, "--format: no format is called 'jpeg'; known: pdf, png, svg"),
        ({"draw": tuple("abcdefghi")}, "--draw must name at most 8 configurations; received 9; leave some out"),
        ({"figures": None, "only": ("heat",)}, "--only must be with --figures DIR; received it alone; add --figures, or leave "
         "it out"),
        ({"figures": None, "step": 0}, "--step must be with --figures DIR; received it alone; add --figures, or leave it out"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_refused_with_the_nearest_known(flags: dict[str, Any], said: str) -> None:
    words: dict[str, Any] = {"figures": Path("x"), **flags}
    with pytest.raises(UserError) as caught:
        asked(Flags(**words))
    assert str(caught.value) == said


def test_what_is_drawn_has_to_be_there_and_its_step_recorded(source: Source) -> None:
    plans = {name: [entry.plan.model_copy(update={"record_every": 3})] for name, entry in source.entries.items()}
    order = all_of(source)
    for step in (0, 3, 4):
        check(dataclasses.replace(order, step=step), plans)
    with pytest.raises(UserError, match="--step must be a step that is recorded; received 2; the nearest is 3"):
        check(dataclasses.replace(order, step=2), plans)
    with pytest.raises(UserError, match="received 99; the nearest is 4"):
        check(dataclasses.replace(order, step=99), plans)
    with pytest.raises(UserError, match=r"--draw: no configuration is called 'tanh \+ xavir'; did you mean 'tanh \+ xavier'"):
        check(dataclasses.replace(order, draw=("tanh + xavir",)), plans)


def test_all_quantities_are_each_one() -> None:
    order = asked(Flags(figures=Path("x"), quantity=("all",)))
    assert order
    assert order.quantities == tuple(SHOWN)


def command(job: str, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", f"experiments.{job}", *words]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--draw", "tanh + xavir"), "error: --draw: no configuration is called 'tanh + xavir'; did you mean 'tanh + xavier'?"),
        (("--step", "50"), "error: --step must be a step that is recorded; received 50; the nearest is 49"),
        (("--only", "heat", "difference", "loss"), "error: --only: no figure is called 'loss'; known: agreement, difference"),
    ],
)  # fmt: skip
def test_compare_refuses_before_anything_is_run(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = command("compare", "--output", str(tmp_path / "runs"), "--figures", str(tmp_path / "figures"), *words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(said)
    assert list(tmp_path.iterdir()) == []


def test_report_draws_what_is_asked_for(source: Source, tmp_path: Path) -> None:
    words = ["--figures", str(tmp_path / "figures"), "--only", "profile", "--draw", "tanh + xavier", "--size", "slide"]
    words += ["--quantity", "update_ratio", "--step", "4", "--format", "svg", "--output", str(tmp_path / "page.html")]
    done = command("report", source.label, *words)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["profile-update_ratio-slide.svg"]
    found = [text.words for text in drawn.texts((tmp_path / "figures" / "profile-update_ratio-slide.svg").read_text())]
    assert "update ratio (step over weight)" in found
    assert "layer, from the first to the last (training step 4)" in found
    assert "tanh + xavier" in found


def test_a_figure_of_nothing_says_so(source: Source) -> None:
    order = dataclasses.replace(all_of(source), draw=("crashes",), only=("profile", "learning", "heat", "divergence"))
    assert [type(one) for one in figures([source], order)] == [Nothing] * 6
