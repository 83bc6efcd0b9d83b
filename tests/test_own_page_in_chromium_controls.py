"""What a reader of the page of a model or of a port can do with it, in a real headless Chromium:
theme, address, export.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from experiments.report.charts import DARK, PALETTE
from tests.browser import CHECKS, Browser
from tests.own_documents import diagnosis, port, signals
from tests.own_paths import PAGES, PLACES, paths

__all__ = ["paths"]

GROUND = "return getComputedStyle(document.body).backgroundColor"
FIRST = f"""figure path[stroke="{PALETTE[0]}"]"""
LINE = f"return getComputedStyle(document.querySelector('{FIRST}')).stroke"
LIGHT_GROUND = "rgb(255, 255, 255)"
DARK_GROUND = "rgb(21, 24, 27)"
CHARTS = {"model": ["profile", "losses", "time", "heat"], "port": ["losses"]}


def saved(browser: Browser, expression: str, *arguments: object) -> Any:
    """What a promise of the page gives."""
    return browser.driver.execute_async_script(
        (
            f"{CHECKS} const done = arguments[arguments.length - 1]; "
            f"Promise.resolve({expression}).then(done)"
        ),
        *arguments,
    )


def pick(browser: Browser, theme: str) -> None:
    browser.run(
        "const s = find('#theme'); s.value = arguments[0]; s.dispatchEvent(new Event('change'))",
        theme,
    )


def rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))})"


@pytest.mark.parametrize("name", PAGES)
def test_the_theme_is_chosen_and_stands_in_the_address(
    browser: Browser, paths: dict[str, Path], name: str
) -> None:
    for scheme, other, ground, line in (
        ("light", "dark", DARK_GROUND, DARK[0]),
        ("dark", "light", LIGHT_GROUND, PALETTE[0]),
    ):
        browser.open(paths[name], scheme=scheme)
        assert browser.run(GROUND) != ground
        pick(browser, other)
        assert (browser.run(GROUND), browser.run(LINE)) == (ground, rgb(line))
        address = browser.run("return location.hash")
        browser.open(paths[name], scheme=scheme)
        browser.run("location.hash = arguments[0]", address)
        browser.until(lambda ground=ground: browser.run(GROUND) == ground)
        assert browser.run("return find('#theme').value") == other


@pytest.mark.parametrize("address", ["#theme=x", "#%%%", "#filter=nothing&draw=nobody"])
def test_an_address_that_says_what_is_not_there_does_no_harm(
    browser: Browser, paths: dict[str, Path], address: str
) -> None:
    browser.open(paths["model"])
    browser.run("location.hash = arguments[0]; fromAddress()", address)
    assert browser.complaints() == []
    assert browser.run("return find('#theme').value") == "auto"


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("name", [*PAGES, "long"])
def test_every_control_has_a_name_and_is_at_least_24_pixels_high(
    browser: Browser, paths: dict[str, Path], name: str, width: int
) -> None:
    browser.open(paths[name], width=width)
    browser.run("for (const box of all('.export')) box.open = true")
    assert browser.run(f"{CHECKS} return namelessControls()") == []
    assert browser.run(f"{CHECKS} return smallTargets()") == []
    assert (
        browser.run("return all('button, select, input').filter(e => e.checkVisibility()).length")
        >= 4
    )
    assert browser.run("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", PAGES)
def test_every_chart_is_exported_at_the_width_that_was_asked_for(
    browser: Browser, paths: dict[str, Path], name: str
) -> None:
    browser.open(paths[name])
    assert browser.run("return all('figure').map(e => e.dataset.chart)") == CHARTS[name]
    for chart in CHARTS[name]:
        svg, png = (
            saved(browser, "pixelsOf(arguments[0], arguments[1], 700)", chart, form)
            for form in ("svg", "png")
        )
        assert svg[0] == 700
        assert png == [2 * side for side in svg]
    assert browser.complaints() == []


def test_an_exported_chart_is_dark_on_white_and_cuts_off_no_word(
    browser: Browser, paths: dict[str, Path]
) -> None:
    browser.open(paths["model"], scheme="dark")
    browser.run("document.body.innerHTML = svgOf('profile', 700)")
    first, ink = browser.run(
        "const [paper, text] = [find('rect'), find('text')]; return "
        "[getComputedStyle(paper).fill, getComputedStyle(text).fill]"
    )
    assert (first, ink) == (LIGHT_GROUND, "rgb(28, 33, 38)")
    outside = (
        "const box = find('svg').getBoundingClientRect(); return all('text').filter(e => { const "
        "r = e.getBoundingClientRect();return r.width && (r.left < box.left || r.right > "
        "box.right || r.top < box.top || r.bottom > box.bottom) }).length"
    )
    assert browser.run(outside) == 0
    assert browser.run("return all('text').length") > 20


def test_a_chart_is_saved_by_its_name(browser: Browser, paths: dict[str, Path]) -> None:
    browser.open(paths["model"])
    browser.run(
        "window.found = []; saved = (name, address) => { found.push([name, address.slice(0, 5)]) }"
    )
    browser.run("for (const button of all('.export[data-chart=heat] button')) button.click()")
    browser.until(lambda: len(browser.run("return found")) == 3)
    assert sorted(browser.run("return found")) == [
        ["isograd-heat.csv", "blob:"],
        ["isograd-heat.png", "data:"],
        ["isograd-heat.svg", "blob:"],
    ]


def rows(browser: Browser, name: str) -> list[list[str]]:
    """Of a CSV without a quote in what is asked of it."""
    return [
        line.split(",")
        for line in saved(browser, "csv(measuredRows(arguments[0]))", name).split("\r\n")
    ]


def test_the_numbers_of_a_chart_are_the_documents(browser: Browser, paths: dict[str, Path]) -> None:
    said = diagnosis()
    browser.open(paths["model"])
    heads, *found = rows(browser, "heat")
    assert heads == ["step", "layer", "gradient", "share"]
    wanted = [
        (profile.step, value) for profile in said.profiles for value in profile.signal_gradient_rms
    ]
    assert [(int(row[0]), float(row[-2])) for row in found] == wanted
    assert [float(row[-1]) for row in found[-12:]] == [
        value / signals(12, 0.45)[-1] for value in signals(12, 0.45)
    ]
    assert {int(row[0]) for row in rows(browser, "profile")[1:]} == {1, 3, 6}
    assert [float(loss) for _, loss in rows(browser, "losses")[1:]] == said.losses
    assert len(rows(browser, "layers")) == 13
    browser.open(paths["port"])
    heads, *found = rows(browser, "losses")
    assert heads == ["step", "reference", "port"]
    assert [(float(mine), float(its)) for _, mine, its in found] == port().losses
    assert len(rows(browser, "places")) == 1 + len(port().tree)


LEFT = (
    "return all('.tree tbody tr').filter(e => e.checkVisibility()).map(e => "
    "e.querySelector('[title]').title)"
)
BLOCKS = "blocks.0.attention"
"""The row that `blocks` stands in: those below it say `1.attention` and `3.attention`."""
PARTS = [
    BLOCKS,
    "blocks.1.attention",
    "blocks.1.attention.out",
    "blocks.3.attention",
    "blocks.3.attention",
    "head",
]
"""The places that part, each below the modules that it is in."""


def press(browser: Browser, kind: str) -> None:
    browser.run("find(`.chips button[data-kind='${arguments[0]}']`).click()", kind)


def type_in(browser: Browser, words: str) -> None:
    browser.run(
        (
            "const box = find('#filter'); box.value = arguments[0]; box.dispatchEvent(new "
            "Event('input'))"
        ),
        words,
    )


def test_of_a_long_tree_one_press_leaves_what_parts_with_its_modules(
    browser: Browser, paths: dict[str, Path]
) -> None:
    browser.open(paths["long"])
    everything = browser.run(LEFT)
    assert set(PLACES) <= set(everything)
    assert browser.run("return all('.chips button').map(e => e.textContent)") == ["agrees", "parts"]
    press(browser, "parts")
    assert browser.run(LEFT) == PARTS
    assert browser.texts("#count") == ["3 of 18 rows"]
    press(browser, "parts")
    assert browser.run(LEFT) == everything


def test_a_word_is_found_in_whole_names_and_both_stand_in_the_address(
    browser: Browser, paths: dict[str, Path]
) -> None:
    browser.open(paths["long"])
    type_in(browser, "port_blocks.3 gradient")
    assert browser.run(LEFT) == [BLOCKS, *PARTS[3:5]]
    press(browser, "parts")
    left = browser.run(LEFT)
    address = browser.run("return location.hash")
    assert left == [BLOCKS, *PARTS[3:5]]
    browser.open(paths["long"])
    assert browser.run(LEFT) != left
    browser.run("location.hash = arguments[0]", address)
    browser.until(lambda: browser.run(LEFT) == left)
    type_in(browser, "nothing of the kind")
    assert browser.run(LEFT) == []


def test_a_short_tree_has_no_filter(browser: Browser, paths: dict[str, Path]) -> None:
    browser.open(paths["port"])
    assert browser.run("return find('#filter')") is None
