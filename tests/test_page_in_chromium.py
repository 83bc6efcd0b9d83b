"""The page in a real headless Chromium: drawn without a complaint or a request, and it does what
its controls say.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import Browser
from tests.page_shown import COUNT, changed, drawn, names, names_only, path, pick, shown
from tests.stored import EVIL

__all__ = ["path", "shown"]

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")


def test_the_page_loads_without_a_complaint_and_without_a_request(
    browser: Browser, path: Path
) -> None:
    assert browser.open(path) < 5
    assert browser.complaints() == []
    assert browser.requests() == [path.as_uri()]


def test_a_heading_sorts_up_and_then_down(shown: Browser) -> None:
    for column in range(1, 11):
        sorts(shown, column)


def sorts(shown: Browser, column: int) -> None:
    """Click on the heading of a column, twice."""
    click = f"document.querySelectorAll('#league th')[{column}].querySelector('button').click()"
    shown.run(click)
    up = names(shown)
    shown.run(click)
    assert sorted(up) == sorted(names(shown))
    cells = f"[...document.querySelectorAll('#league tbody tr')].map(r => r.children[{column}])"
    key = f"return {cells}.map(cell => cell.dataset.key ?? cell.textContent.trim())"
    keys = [text for text in shown.run(key) if text]
    if 4 <= column <= 7:
        assert [float(k) for k in keys] == sorted(map(float, keys), reverse=True)
        assert len(set(keys)) > 1
    else:
        assert keys == shown.run(
            "return arguments[0].sort((a, b) => b.localeCompare(a, 'en', {numeric: true}))", keys
        )


def test_filtering_hides_the_rows_without_the_words(shown: Browser) -> None:
    shown.run(
        "const f = document.querySelector('#filter'); f.value = 'TANH comes through'; "
        "f.dispatchEvent(new Event('input'))"
    )
    assert names(shown) == ["tanh + xavier"]
    assert shown.texts("#count") == ["1 of 5 rows"]


def test_a_click_on_a_row_draws_it_or_takes_it_away(shown: Browser) -> None:
    row = "document.querySelectorAll('#league tbody tr')[1].children[1].click()"
    assert any("tanh" in label for label in drawn(shown))
    changed(shown, row)
    assert not any("tanh" in label for label in drawn(shown))
    assert shown.run(COUNT, "#league tr.drawn") == 3
    changed(shown, row)
    assert any("tanh" in label for label in drawn(shown))


def test_the_slider_changes_what_is_drawn(shown: Browser) -> None:
    before = drawn(shown)
    changed(
        shown,
        (
            "const s = document.querySelector('#steps'); s.value = s.max; s.dispatchEvent(new "
            "Event('input'))"
        ),
    )
    assert shown.texts("#step") == ["4"]
    assert drawn(shown) != before


def test_a_name_with_a_script_in_it_stays_text(shown: Browser) -> None:
    assert EVIL in names(shown)
    assert EVIL in shown.texts("h1")[0]
    shown.run(
        "const points = [...document.querySelectorAll('#profile .mark-symbol.role-mark path')];"
        "const e = points.find(e => e.getAttribute('aria-label').includes('pwned')), r = "
        "e.getBoundingClientRect();e.dispatchEvent(new PointerEvent('pointermove', {bubbles: "
        "true, clientX: r.x, clientY: r.y}))"
    )
    shown.until(
        lambda: (
            "pwned"
            in shown.run("return document.querySelector('#vg-tooltip-element')?.textContent ?? ''")
        )
    )
    assert shown.run("return window.pwned ?? null") is None
    assert shown.run(COUNT, "#vg-tooltip-element img, main img") == 0


@pytest.mark.parametrize(
    ("attempt", "rule"),
    [
        ("try { eval('window.pwned = 1') } catch {}", "script-src"),
        ("try { new Function('window.pwned = 1')() } catch {}", "script-src"),
        (
            (
                "const e = document.createElement('script'); e.text = 'window.pwned = 1'; "
                "document.body.append(e)"
            ),
            "script-src",
        ),
        (
            (
                "const e = document.createElement('p'); e.innerHTML = '<img src=x "
                'onerror="window.pwned = 1">\''
            ),
            "img-src",
        ),
        (
            (
                "const e = document.createElement('p'); e.setAttribute('onclick', 'window.pwned = "
                "1'); e.click()"
            ),
            "script-src",
        ),
        (
            (
                "const e = document.createElement('base'); e.href = 'https://example.org/'; "
                "document.head.append(e)"
            ),
            "base-uri",
        ),
        (
            (
                "const e = document.createElement('form'); e.action = 'https://example.org/'; "
                "document.body.append(e); e.submit()"
            ),
            "form-action",
        ),
        ("fetch('https://example.org/').catch(() => {})", "connect-src"),
    ],
)
def test_the_policy_stops_what_a_script_from_elsewhere_would_do(
    shown: Browser, attempt: str, rule: str
) -> None:
    listen = (
        "document.addEventListener('securitypolicyviolation', e => "
        "stopped.push(e.effectiveDirective))"
    )
    shown.run(f"window.stopped = []; {listen}")
    # what is run from outside, the policy is not asked about
    shown.run(f"setTimeout(() => {{ {attempt} }})")
    shown.until(lambda: shown.run("return stopped.length"))
    assert rule in {
        found.removesuffix("-elem").removesuffix("-attr") for found in shown.run("return stopped")
    }
    assert shown.run("return window.pwned ?? null") is None
    assert shown.run("return document.baseURI") == shown.run("return location.href")
    assert [url for url in shown.requests() if "example.org" in url] == []


def test_the_groups_name_every_configuration_once(shown: Browser) -> None:
    rows = shown.run(
        "return [...document.querySelectorAll('.groups .line:not(.beneath) "
        "td:first-child')].map(r => r.firstChild.textContent)"
    )
    assert sorted(rows) == sorted(names_only(shown))


def test_a_verdict_has_its_reason_and_a_heading_its_meaning(shown: Browser) -> None:
    assert shown.run("return document.querySelectorAll('#league th[title]').length") >= 5
    assert "10^" in shown.run(
        "return [...document.querySelectorAll('#league th')].find(e => "
        "e.textContent.includes('decades')).title"
    )


def test_an_address_brings_the_view_back(browser: Browser, path: Path) -> None:
    browser.open(path)
    changed(browser, "chooseAll([1, 3])")
    pick(browser, "quantity", "update ratio")
    pick(browser, "backend", "torch")
    pick(browser, "theme", "dark")
    changed(browser, "const s = find('#steps'); s.value = 3; s.dispatchEvent(new Event('input'))")
    browser.run("find('#filter').value = 'tanh'; find('#filter').dispatchEvent(new Event('input'))")
    browser.run("document.querySelector('.chips button[data-kind=tanh]').click()")
    before = browser.run("return [location.hash, rowsOf.profile]")
    browser.open(path)
    assert browser.run("return rowsOf.profile") != before[1]
    changed(
        browser,
        "location.hash = arguments[0]; read(); chosen(); filter(); redraw(...Object.keys(drawing))",
        before[0],
    )
    assert browser.run("return [location.hash, rowsOf.profile]") == before
    assert names(browser) == ["tanh + xavier"]
    assert browser.run("return document.querySelector('#backend').value") == "torch"
    assert (
        browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 27)"
    )


@pytest.mark.parametrize(
    "address", ["#draw=nobody&step=99&quantity=x&backend=y&theme=z", "#step=-1", "#%%%", "#draw="]
)
def test_an_address_that_says_what_is_not_there_does_no_harm(
    browser: Browser, path: Path, address: str
) -> None:
    browser.open(path)
    changed(browser, "location.hash = arguments[0]; read(); chosen(); redraw('profile')", address)
    assert browser.complaints() == []
    assert browser.run(
        "return data.quantities.includes(state.quantity) && state.steps.includes(state.step)"
    )


def test_chips_filter_and_the_filtered_are_drawn(shown: Browser) -> None:
    shown.run("document.querySelector('.chips button[data-kind=relu]').click()")
    assert names(shown) == ["breaks"]
    shown.run("document.querySelector('.chips button[data-kind=tanh]').click()")
    assert names(shown) == ["tanh + xavier", "breaks"]
    shown.run("document.querySelector('.chips button[data-kind=xavier]').click()")
    assert names(shown) == ["tanh + xavier"]
    changed(shown, "document.querySelector('#drawn').click()")
    assert shown.run("return [...state.chosen.keys()]") == [1]
