"""The page on every screen, in a real headless Chromium: narrow, dark, on paper, exported, and for
who cannot see colours.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from experiments.report.charts import DARK, PALETTE
from tests.browser import CHECKS, Browser
from tests.page_shown import CHARTS, path, shown
from tests.stored import EVIL

__all__ = ["path", "shown"]

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_is_wider_than_the_screen(
    browser: Browser, path: Path, width: int, scheme: str
) -> None:
    browser.open(path, width=width, scheme=scheme)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    charts = f"{list(CHARTS)}.map(id => document.getElementById(id))"
    wider = f"return {charts}.filter(e => e.scrollWidth > e.clientWidth).map(e => e.id)"
    assert browser.run(wider) == []
    assert browser.complaints() == []


def test_the_answer_is_seen_without_scrolling(shown: Browser) -> None:
    bottom = "return document.querySelector(arguments[0]).getBoundingClientRect().bottom"
    assert [
        name for name in ("#answer", "#profile", "#learning") if shown.run(bottom, name) > 900
    ] == []


def test_on_a_phone_the_answer_and_the_profile_are_on_one_screen(
    browser: Browser, path: Path
) -> None:
    browser.open(path, width=400, height=800)
    middle = (
        "const r = document.querySelector('#profile').getBoundingClientRect(); return (r.top + "
        "r.bottom) / 2"
    )
    assert browser.run(middle) < 800
    groups = browser.texts(".groups .verdict")
    assert [text.rpartition(":")[2] for text in groups] == [" 2 of 5", " 1 of 5", " 2 of 5"]
    assert browser.texts(".groups .line:not(.beneath)") == []
    browser.run("document.querySelector('.fold-group').click()")
    assert len(browser.texts(".groups .line:not(.beneath)")) == 2


@pytest.mark.parametrize("width", [400, 1400])
def test_the_theme_is_chosen_on_every_screen(browser: Browser, path: Path, width: int) -> None:
    browser.open(path, width=width, height=800)
    menu = browser.run(
        "const r = find('#theme').getBoundingClientRect(); return [r.left, r.right, r.top, "
        "r.bottom, r.height]"
    )
    assert 0 <= menu[0] < menu[1] <= width
    assert 0 <= menu[2] < menu[3] <= 800
    assert menu[4] >= 24


def test_the_page_is_dark_where_dark_is_preferred(browser: Browser, path: Path) -> None:
    browser.open(path, scheme="dark")
    assert (
        browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 27)"
    )
    assert (
        browser.run("return getComputedStyle(document.querySelector('#profile text')).fill")
        == "rgb(228, 231, 234)"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_a_contrast_of_four_and_a_half(browser: Browser, path: Path, scheme: str) -> None:
    browser.open(path, scheme=scheme)
    worst, text, count = browser.run(f"{CHECKS} return worstContrast()")
    assert worst >= 4.5, text
    assert count > 200
    browser.run("document.querySelector('.facts').style.color = '#888'")
    assert browser.run(f"{CHECKS} return worstContrast()")[0] < (4.5 if scheme == "light" else 6)


def test_what_is_touched_is_at_least_24_pixels_high(browser: Browser, path: Path) -> None:
    browser.open(path, width=400, height=800)
    assert browser.run(f"{CHECKS} return smallTargets()") == []
    browser.run(
        "document.querySelector('#clear').style.cssText = 'min-height: 0; line-height: 1; "
        "font-size: 8px'"
    )
    assert len(browser.run(f"{CHECKS} return smallTargets()")) == 1


def test_every_control_has_a_name(shown: Browser) -> None:
    assert shown.run(f"{CHECKS} return namelessControls()") == []
    shown.run("document.querySelector('main').append(document.createElement('select'))")
    assert shown.run(f"{CHECKS} return namelessControls()") == ["<select></select>"]


def test_on_paper_everything_is_open_and_dark_is_light(browser: Browser, path: Path) -> None:
    browser.open(path, scheme="dark")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    closed = "return document.querySelectorAll('main details:not(.export):not([open])').length"
    assert browser.run(closed) == 0
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run(closed) > 3
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert (
        browser.run("return getComputedStyle(document.body).backgroundColor")
        == "rgb(255, 255, 255)"
    )
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


PAPER = 717
"""Pixels between the margins of an A4 page."""

CUT = """
const cut = (box) =>
  box.getBoundingClientRect().right > innerWidth || box.scrollWidth > box.clientWidth + 1;
const boxes = [...document.querySelectorAll("#league td, #league th, pre")];
return boxes.filter(cut).map(box => box.textContent);
"""


def test_on_paper_no_cell_and_no_line_is_cut(browser: Browser, path: Path) -> None:
    browser.open(path, width=PAPER)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    browser.run("for (const box of document.querySelectorAll('details')) box.open = true")
    assert browser.run(CUT) == []
    browser.run("document.querySelector('#league table').style.width = '800px'")
    assert browser.run(CUT)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize(
    ("panels", "most", "columns"),
    [(1, 3, 1), (3, 3, 3), (4, 3, 2), (4, 4, 4), (5, 4, 3), (8, 3, 3), (8, 4, 4)],
)
def test_panels_stand_in_a_grid_without_an_axis_to_which_no_panel_belongs(
    shown: Browser, panels: int, most: int, columns: int
) -> None:
    script = (
        "const [n, most] = arguments; const rows = [...Array(n).keys()].map(panel => ({ panel }));"
    )
    made = "panelled({ spec: {}, facet: {} }, rows, { most, width: 900, margin: 60 })"
    found = shown.run(f"{script} return {made}", panels, most)
    assert found["columns"] == columns
    assert (found.get("resolve") == {"axis": {"x": "independent"}}) == bool(panels % columns)


def test_an_export_is_drawn_for_white_though_the_page_is_dark(browser: Browser, path: Path) -> None:
    browser.open(path, scheme="dark")
    svg = browser.driver.execute_async_script(
        "const done = arguments[0]; svgOf('profile', 700).then(done)"
    )
    colours = set(re.findall(r'stroke="(#[0-9A-Fa-f]{6})"', svg))
    assert {"#ffffff", *PALETTE[:4]} <= colours
    assert not {"#15181b", *DARK[:4]} & colours


def test_an_export_has_the_width_that_was_asked_for_and_the_rows(shown: Browser) -> None:
    def pixels(form: str, width: int) -> list[int]:
        script = (
            f"{CHECKS} const [form, width, done] = arguments; pixelsOf('profile', form, "
            "width).then(done)"
        )
        return shown.driver.execute_async_script(script, form, width)

    assert abs(pixels("svg", 700)[0] - 700) <= 15
    assert abs(pixels("png", 700)[0] - 1400) <= 30
    saved = (
        "const done = arguments[0]; measuredRows('profile').then(rows => "
        "done(csv(rows).split('\\r\\n')))"
    )
    heads, *rows = shown.driver.execute_async_script(saved)
    assert heads == "configuration,backend,folder,layer,step,low,mid,high"
    assert len(rows) == 4 * 6
    assert sum(EVIL.replace('"', '""') in row for row in rows) == 6
