"""The charts of the page in a real headless Chromium: each is drawn, with the names, units and
colours that it should have.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from experiments.report import page, script_data
from tests.browser import Browser
from tests.page_shown import CHARTS, COUNT, changed, drawn, names_only, path, pick, seen, shown
from tests.stored import EVIL, make

__all__ = ["path", "shown"]

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")

MARKS = {
    "profile": "#profile .mark-symbol.role-mark path",
    "learning": "#learning .mark-line.role-mark path",
    "agreement": "#agreement .mark-symbol.role-mark path",
    "divergence": "#divergence .mark-line path", "seconds": "#seconds .mark-rect path",
}  # fmt: skip


def test_the_charts_are_drawn(shown: Browser) -> None:
    drawn = {chart: shown.run(COUNT, marks) for chart, marks in MARKS.items()}
    assert [chart for chart, count in drawn.items() if count < 4] == [], drawn


def test_a_point_is_drawn_for_each_configuration_backend_and_layer(shown: Browser) -> None:
    finite = [label for label in drawn(shown) if "breaks" not in label and EVIL not in label]
    assert len(finite) == 2 * 6
    pick(shown, "backend", "all")
    finite = [label for label in drawn(shown) if "breaks" not in label and EVIL not in label]
    assert len(finite) == 2 * 2 * 6


def test_the_heat_map_has_a_cell_for_each_layer_and_step(shown: Browser) -> None:
    assert shown.run("return views.heat.data('heat').length") == 4 * 6 * 5
    assert (
        shown.run("const c = document.querySelector('#heat canvas'); return c.width * c.height")
        > 10_000
    )


@pytest.mark.parametrize(
    "quantity", ["weight gradient", "update ratio", "dead units", "activation, mean"]
)
def test_every_quantity_has_its_axis(shown: Browser, quantity: str) -> None:
    pick(shown, "quantity", quantity)
    assert any(text.startswith(f"{quantity} (") for text in seen(shown, "profile"))
    assert shown.complaints() == []


def test_the_bound_of_a_free_run_is_drawn_and_chaos_is_marked(shown: Browser) -> None:
    lines = (
        "return [...document.querySelectorAll('#divergence .mark-line path')].map(e => "
        "e.getAttribute('aria-label') ?? '')"
    )
    assert any("bound" in label for label in shown.run(lines))
    assert shown.run(COUNT, "#divergence .mark-rule.role-mark line") == 0
    changed(
        shown, "data.configurations[data.chosen[0]].divergence[0].chaotic = 2; redraw('divergence')"
    )
    assert shown.run(COUNT, "#divergence .mark-rule.role-mark line") == 1
    assert "chaotic" in shown.run("return document.querySelector('#divergence').textContent")


def test_agreement_is_drawn_as_errors_beside_their_bounds(shown: Browser) -> None:
    assert shown.run(COUNT, "#agreement .mark-rect.role-mark path") == 4  # the bounds
    assert shown.run(COUNT, "#agreement .mark-symbol.role-mark path") == 4
    assert "largest error (relative), and its bound" in seen(shown, "agreement")
    changed(
        shown,
        (
            "Object.assign(data.agreement[0], {outcome: 'broken', error: 1, error_at: 1}); "
            "redraw('agreement')"
        ),
    )
    assert "broken" in seen(shown, "agreement")


def test_with_one_framework_the_names_of_agreement_are_a_line_apart(shown: Browser) -> None:
    places = (
        "return [...document.querySelectorAll('#agreement .role-axis-label text')].map(e => "
        "e.getBoundingClientRect())"
    )
    tops = sorted(box["y"] for box in shown.run(places) if box["x"] < 400)
    assert len(tops) == 4
    assert min(b - a for a, b in pairwise(tops)) > 14


def test_zeros_leave_the_heat_map_its_colours(browser: Browser, tmp_path: Path) -> None:
    """A 0 in the data of a logarithmic scale made one colour of everything, and the legend
    complained.
    """
    source = make(tmp_path / "runs")
    run = source.run("tanh + xavier", "torch")
    assert run
    run.trace.quantities["signal_gradient_rms"][:, 2:, :3] = 0.0
    (tmp_path / "page.html").write_text(page.render([source]), encoding="utf-8")
    browser.open(tmp_path / "page.html")
    pick(browser, "backend", "torch")
    assert browser.complaints() == []
    colours = (
        "const c = document.querySelector('#heat canvas'), found = new Set();const d = "
        "c.getContext('2d').getImageData(0, 0, c.width, c.height).data;for (let i = 0; i < "
        "d.length; i += 4) if (d[i + 3] === 255) found.add(`${d[i]},${d[i + 1]},${d[i + 2]}`);"
        "return [...found]"
    )
    found = browser.run(colours)
    assert "128,136,144" in found  # grey: exactly 0
    assert len(found) > 20


def test_each_name_stands_at_the_end_of_its_line_and_on_no_other(shown: Browser) -> None:
    for chart in ("profile", "learning"):
        labels = shown.run(f"return rowsOf['{chart}'].filter(row => row.kind === 'label')")
        assert [label["configuration"] for label in labels if label["configuration"]] == names_only(
            shown
        )[:4]
        places = sorted(label["at"] for label in labels)
        assert min(b - a for a, b in pairwise(places)) >= 15


def test_the_names_of_lines_are_apart_and_as_near_as_can_be(shown: Browser) -> None:
    placed = "return apart(arguments[0].map(from => ({from})), 300).map(l => l.at)"
    assert shown.run(placed, [50, 120, 200]) == [50, 120, 200]
    assert shown.run(placed, [100, 100, 100]) == [85, 100, 115]
    assert shown.run(placed, [0, 0, 300]) == [7.5, 22.5, 292.5]
    assert shown.run("return cut('a very long name of a layer', 9)") == "a ve…ayer"


def test_what_comes_through_is_shaded_between_dashed_bounds(shown: Browser) -> None:
    assert "comes through" in seen(shown, "profile")
    assert shown.run(COUNT, "#profile .mark-rule.role-mark line[stroke-dasharray='4,3']") == 2
    assert (
        "Flat: every layer gets the same; falling to the left: vanishing" in shown.texts("#how")[0]
    )
    share = shown.run(
        "return rowsOf.profile.filter(row => row.kind === 'value' && row.layer === 6).map(row => "
        "row.mid)"
    )
    assert {1.0, None} == set(share)
    pick(shown, "quantity", "dead_fraction")
    assert "comes through" not in seen(shown, "profile")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_line_runs_through_the_words_of_the_band_or_a_name(shown: Browser, theme: str) -> None:
    pick(shown, "theme", theme)
    halos = shown.run("""
        const kinds = ['path', 'line[stroke-dasharray]'].map(kind => `#profile .role-mark ${kind}`);
        const lines = [...document.querySelectorAll(kinds.join())];
        return [...document.querySelectorAll('#profile text[stroke]')].map(e => [
          e.textContent, getComputedStyle(e).stroke, getComputedStyle(e).strokeWidth,
          lines.every(line => e.compareDocumentPosition(line) & Node.DOCUMENT_POSITION_PRECEDING)]);
    """)
    paper = shown.run("return getComputedStyle(document.body).backgroundColor")
    assert {text for text, *_ in halos} == {"comes through", *seen(shown, "profile")[-4:]}
    assert {(colour, width, above) for _, colour, width, above in halos} == {(paper, "4px", True)}


def test_powers_of_ten_are_written_with_raised_digits(shown: Browser) -> None:
    assert {"10⁻³", "10⁻²", "10³"} <= set(seen(shown, "profile"))
    assert [text for text in seen(shown, "profile") if "e-" in text] == []


def test_the_learning_curves_have_the_level_of_guessing(shown: Browser) -> None:
    assert "guessing" in seen(shown, "learning")
    assert "training loss (nats)" in seen(shown, "learning")
    guess = shown.run(
        "return rowsOf.learning.filter(row => row.kind === 'guess').map(row => row.value)"
    )
    assert guess == shown.run("return data.guesses")


def test_a_colour_stays_a_configurations_own(shown: Browser) -> None:
    colour = (
        "return getComputedStyle(document.querySelectorAll('#league tbody "
        "tr')[arguments[0]]).getPropertyValue('--colour')"
    )
    before = [shown.run(colour, row) for row in range(4)]
    assert len(set(before)) == 4
    changed(shown, "choose(0)")
    assert [shown.run(colour, row) for row in range(1, 4)] == before[1:]
    changed(shown, "choose(4)")
    assert shown.run(colour, 4) == before[0]  # the place that is free


def test_dashes_are_configurations_with_one_backend_and_backends_with_all(shown: Browser) -> None:
    measured = "e => e.getAttribute('stroke') !== '#808890'"  # what theory expects is grey
    lines = (
        f"[...document.querySelectorAll('#profile .mark-line.role-mark path')].filter({measured})"
    )
    dashes = f"return {lines}.map(e => e.getAttribute('stroke-dasharray'))"
    assert len(set(shown.run(dashes))) == 4
    assert "backend" not in seen(shown, "profile")
    pick(shown, "backend", "all")
    assert len(set(shown.run(dashes))) == 2
    assert {"backend", "numpy", "torch"} <= set(seen(shown, "profile"))


def test_eight_configurations_give_eight_panels(browser: Browser, tmp_path: Path) -> None:
    source = make(tmp_path / "runs")
    data = script_data.data([source])
    assert len(data["configurations"]) == 5
    (tmp_path / "page.html").write_text(page.render([source]), encoding="utf-8")
    browser.open(tmp_path / "page.html")
    changed(
        browser,
        "for (let i = 5; i < 8; i++) data.configurations.push({...data.configurations[1], name: "
        "`copy ${i}`});chooseAll([0, 1, 2, 3, 4, 5, 6, 7])",
    )
    panels = browser.run("return [...new Set(rowsOf.heat.map(row => row.panel))]")
    assert len(panels) == 7  # the one that crashed has nothing to draw
    cells = browser.run(
        "const s = views.heat; return [s.signal('child_width'), s.signal('child_height')]"
    )
    assert cells[0] % 5 == 0
    assert cells[1] % 6 == 0


def test_a_backend_that_differs_from_the_definition_has_a_panel(
    browser: Browser, tmp_path: Path
) -> None:
    source = make(tmp_path / "runs")
    run = source.run("tanh + xavier", "torch")
    assert run
    run.trace.quantities["signal_gradient_rms"][:, 3:, :2] *= 2.0
    (tmp_path / "page.html").write_text(page.render([source]), encoding="utf-8")
    browser.open(tmp_path / "page.html")
    rows = browser.run("return rowsOf.difference")
    assert {row["panel"] for row in rows} == {"tanh + xavier\ntorch"}
    apart = [row for row in rows if abs(row["mid"]) > 0.1]
    assert {(row["step"], row["layer"]) for row in apart} == {
        (step, layer) for step in (3, 4) for layer in (1, 2)
    }
    assert [round(row["mid"], 2) for row in apart] == [0.30] * 4  # decades
    same = (
        "Of the configurations that are drawn, the same to the eye as the definition (within 5 %): "
        "torch in 3."
    )
    assert browser.texts("#same") == [same]


def test_every_chart_has_a_text_an_axis_title_and_a_unit(shown: Browser) -> None:
    for chart in CHARTS:
        if (
            shown.run(
                "return document.getElementById(arguments[0]).querySelector('svg, canvas')", chart
            )
            is None
        ):
            assert chart == "difference"  # nothing differs
            continue
        said = shown.run(
            "return document.getElementById(arguments[0]).getAttribute('aria-label')", chart
        )
        assert len(said) > 30, chart


@pytest.mark.parametrize("name", script_data.specs(folders=False))
@pytest.mark.parametrize("axis", ["x", "y"])
def test_an_axis_of_numbers_has_a_title_and_a_unit(name: str, axis: str) -> None:
    spec = script_data.specs(folders=False)[name]
    inner = spec.get("spec", spec)
    of_axis = [
        part["encoding"][axis] for part in inner.get("layer", [inner]) if axis in part["encoding"]
    ]
    titles = {one["title"] for one in of_axis if one.get("title") and "field" in one}
    kinds = {one["type"] for one in of_axis if "type" in one and one.get("scale", "") is not None}
    assert kinds == {"nominal"} or len(titles) == 1
    counted = ("layer", "training step", "largest error (relative), and its bound")
    assert all(title.startswith(counted) or re.search(r" \(.+\)$", title) for title in titles)


def test_what_theory_expects_is_dotted_before_the_first_step_and_not_after(shown: Browser) -> None:
    expected = (
        "return rowsOf.profile.filter(row => row.kind === 'theory').map(row => [row.configuration, "
        "row.layer, row.mid])"
    )
    rows = shown.run(expected)
    assert {name for name, *_ in rows} == {"sigmoid + xavier", "tanh + xavier", "breaks", EVIL}
    assert [mid for name, layer, mid in rows if name == "tanh + xavier" and layer == 6] == [1]
    assert "Dotted" in shown.texts("#how")[0]
    changed(shown, "const s = find('#steps'); s.value = 1; s.dispatchEvent(new Event('input'))")
    assert shown.run(expected) == []
    assert "Dotted" not in shown.texts("#how")[0]
