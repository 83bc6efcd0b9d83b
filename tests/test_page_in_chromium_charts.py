"""The charts of the page in a real headless Chromium: each is drawn, with the names, units and
colours that it should have.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from experiments.report import page
from tests.browser import Browser
from tests.page_shown import COUNT, changed, drawn, names_only, path, pick, seen, shown
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
