"""The pages of own models in a real headless Chromium: read at a glance, on a phone, in the dark,
on paper.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser import Browser
from tests.own_paths import PAGES, paths

__all__ = ["paths"]

SCREENS = [(width, scheme) for width in (400, 1400) for scheme in ("light", "dark")]
CONTRAST = """
const channel = c => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const luminance = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
const numbers = text => (text.match(/[\\d.]+/g) ?? []).map(Number);
const mixed = (v, below, share) => v * share + below * (1 - share);
const over = (c, below) => c.slice(0, 3).map((v, i) => mixed(v, below[i], c[3] ?? 1));
const behind = e => {
  const stack = [];
  for (; e; e = e.parentElement) stack.unshift(numbers(getComputedStyle(e).backgroundColor));
  return stack.reduce((below, c) => over(c, below), [255, 255, 255]);
};
const found = [];
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  if (!own || e.tagName === 'title' || !e.getClientRects().length) continue;
  const style = getComputedStyle(e), svg = e instanceof SVGElement;
  const paper = behind(e), ink = numbers(svg ? style.fill : style.color);
  ink[3] = (ink[3] ?? 1) * Number(style.opacity) * (svg ? Number(style.fillOpacity) : 1);
  const [a, b] = [luminance(over(ink, paper)), luminance(paper)].sort((x, y) => y - x);
  found.push([(a + 0.05) / (b + 0.05), e.textContent.trim().slice(0, 60)]);
}
return found;
"""
WORDS = """
const texts = [...document.querySelectorAll('figure text:not([stroke])')];
const shown = texts.filter(e => e.getClientRects().length && e.textContent.trim());
const slanted = e => (e.getAttribute('transform') ?? '').includes('rotate(320)');
return shown.map(e => {
  const r = e.getBoundingClientRect(), top = e.closest('svg').getBoundingClientRect().top;
  const left = slanted(e) ? r.right - 11 : r.left, bottom = slanted(e) ? r.top + 8 : r.bottom;
  return [top, e.firstChild.textContent, left, r.top, r.right, bottom];
});
"""


def bottom(browser: Browser, selector: str) -> float:
    return browser.run(
        "return document.querySelector(arguments[0]).getBoundingClientRect().bottom", selector
    )


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_without_a_complaint_or_a_request(
    browser: Browser, paths: dict[str, Path], name: str
) -> None:
    assert browser.open(paths[name]) < 2
    assert browser.complaints() == []
    assert browser.requests() == [paths[name].as_uri()]
    assert browser.run("return window.pwned ?? null") is None
    assert browser.run("return document.querySelectorAll('script:not([type]), img').length") == 1, (
        "its own script"
    )


def test_verdict_cause_cure_profile_and_loss_are_seen_without_scrolling(
    browser: Browser, paths: dict[str, Path]
) -> None:
    browser.open(paths["model"])
    order = [
        bottom(browser, one)
        for one in ("h1", ".verdict", ".cause code", ".beside figure .wide svg")
    ]
    assert order == sorted(order)
    assert order[-1] < 900
    tops = browser.run(
        "return [...document.querySelectorAll('.beside:first-child figure')].map(e => "
        "e.getBoundingClientRect())"
    )
    assert len(tops) == 2
    assert tops[0]["right"] <= tops[1]["left"], "the loss stands beside the profile"
    assert tops[1]["bottom"] < 900


def test_the_first_parting_with_its_cure_is_seen_without_scrolling(
    browser: Browser, paths: dict[str, Path]
) -> None:
    browser.open(paths["port"])
    assert bottom(browser, ".cause code") < 400


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_the_screen(
    browser: Browser, paths: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    browser.open(paths[name], width=width, scheme=scheme)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    wider = (
        "return [...document.querySelectorAll('figure, pre')].filter(e => e.scrollWidth > "
        "e.clientWidth + 1).length"
    )
    assert browser.run(wider) == 0
    assert browser.complaints() == []


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
@pytest.mark.parametrize("name", PAGES)
def test_every_text_is_told_from_what_is_behind_it(
    browser: Browser, paths: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    browser.open(paths[name], width=width, scheme=scheme)
    found = browser.run(CONTRAST)
    assert len(found) > 60
    assert [one for one in found if one[0] < 4.5] == []


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("name", [*PAGES, "deep"])
def test_no_word_of_a_chart_lies_on_another_or_is_cut_off(
    browser: Browser, paths: dict[str, Path], name: str, width: int
) -> None:
    browser.open(paths[name], width=width)
    words = browser.run(WORDS)
    assert len(words) > 8
    assert [word for word in words if word[2] < 0 or word[4] > width] == []
    overlapping = [
        (a[1], b[1])
        for i, a in enumerate(words)
        for b in words[:i]
        if a[0] == b[0] and overlap(a, b)
    ]
    assert overlapping == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_curve_runs_under_the_words_of_the_level_and_not_through_them(
    browser: Browser, paths: dict[str, Path], scheme: str
) -> None:
    browser.open(paths["model"], scheme=scheme)
    halo, paper, behind = browser.run("""
        const halo = document.querySelector('[data-chart=losses] text[stroke]');
        const { stroke } = getComputedStyle(halo);
        const curve = document.querySelector('[data-chart=losses] .mark-line path');
        const above = halo.compareDocumentPosition(curve) & Node.DOCUMENT_POSITION_PRECEDING;
        return [stroke, getComputedStyle(document.body).backgroundColor, Boolean(above)];
    """)
    assert (halo, behind) == (paper, True)


def overlap(a: list[Any], b: list[Any]) -> bool:
    """Whether two boxes share more than their edges; of a slanted name its end is a box."""
    across = min(a[4], b[4]) - max(a[2], b[2])
    along = min(a[5], b[5]) - max(a[3], b[3])
    return across > 1 and along > 2.5


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_has_its_own_charts_and_the_columns_that_matter(
    browser: Browser, paths: dict[str, Path], name: str
) -> None:
    browser.open(paths[name], width=400)
    assert browser.texts("figure .wide") == []
    heads = browser.texts("main table:not(.plain) th:not([colspan])")
    matters = ["layer", "gradient of last"] if name == "model" else ["place", "mark"]
    assert heads[:2] == matters
    assert not {"type", "update ratio", "in the port"} & set(heads)
    browser.open(paths[name], width=1400)
    assert browser.texts("figure .narrow") == []
    assert {"type", "update ratio"} & set(browser.texts("th")) or "in the port" in browser.texts(
        "th"
    )


def test_a_phone_shows_the_errors_beside_long_names_without_scrolling(
    browser: Browser, paths: dict[str, Path]
) -> None:
    browser.open(paths["port"], width=400)
    ends = browser.run(
        "return [...document.querySelectorAll('td.measured:nth-child(3)')].map(e => "
        "e.getBoundingClientRect().right)"
    )
    assert len(ends) == 7
    assert max(ends) <= 400


def test_a_click_takes_the_whole_cure(browser: Browser, paths: dict[str, Path]) -> None:
    browser.open(paths["port"])
    from selenium.webdriver.common.by import By

    browser.driver.find_element(By.CSS_SELECTOR, ".cause code").click()
    assert (
        browser.run("return String(getSelection())")
        == "keras.layers.BatchNormalization(epsilon=1e-05)"
    )


BREAKS = (
    "const e = document.querySelector(arguments[0]); return e ? getComputedStyle(e).breakAfter : ''"
)
"""Whether a page of paper may end below an element."""


@pytest.mark.parametrize("name", PAGES)
def test_on_paper_all_of_it_is_there_in_dark_ink(
    browser: Browser, paths: dict[str, Path], name: str
) -> None:
    browser.open(paths[name], width=718, scheme="dark")
    media = {"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    try:
        assert browser.run("return getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        cut_off = (
            "return [...document.querySelectorAll('.scroll')].filter(e => "
            "getComputedStyle(e).overflowY !== 'visible').length"
        )
        assert browser.run(cut_off) == 0
        assert browser.texts("figure .wide") != []
        assert browser.texts("figure .narrow, .theme, .export, .controls") == []
        assert {
            browser.run(BREAKS, selector) for selector in ("h2 + .note", "h2", "tr.inside")
        } <= {"avoid", ""}
        assert (
            browser.run("return getComputedStyle(document.querySelector('figure')).breakInside")
            == "avoid"
        )
        assert browser.run("return document.documentElement.scrollWidth") <= 718
        assert [one for one in browser.run(CONTRAST) if one[0] < 4.5] == []
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
