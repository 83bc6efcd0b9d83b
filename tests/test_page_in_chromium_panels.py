"""Panels, axes and texts of the page's charts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from experiments.report import page, script_data
from tests.browser import Browser
from tests.notes import small
from tests.page_shown import CHARTS, changed, path, shown
from tests.stored import EVIL, make

__all__ = ["path", "shown"]


SPECS = script_data.specs([plan.network for plan in small().values()], folders=False)

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")


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


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("axis", ["x", "y"])
def test_an_axis_of_numbers_has_a_title_and_a_unit(name: str, axis: str) -> None:
    spec = SPECS[name]
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
