"""The page in a real headless Chromium: drawn without a complaint or a request, and it does what its controls say."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.report import page
from tests.browser import Browser
from tests.stored import EVIL, make

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")

MARKS = {
    "profile": "#profile .mark-symbol.role-mark path", "agreement": "#agreement .mark-symbol.role-mark path",
    "divergence": "#divergence .mark-line path", "seconds": "#seconds .mark-rect path",
}  # fmt: skip
COUNT = "return document.querySelectorAll(arguments[0]).length"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chromium")
    (folder / "report.html").write_text(page.render([make(folder / "runs")]), encoding="utf-8")
    return folder / "report.html"


@pytest.fixture
def shown(browser: Browser, path: Path) -> Browser:
    browser.open(path)
    return browser


def changed(browser: Browser, script: str, *arguments: object) -> None:
    """Do something, and wait until what was asked for is drawn."""
    browser.run(
        f"{script}; const last = queue; window.settled = false; queue.then(() => {{ window.settled = true; }})", *arguments
    )
    browser.until(lambda: browser.run("return window.settled"))


def drawn(browser: Browser) -> list[str]:
    """What the points of the profile say of themselves."""
    return browser.run(
        "return [...document.querySelectorAll('#profile .mark-symbol.role-mark path')].map(e => e.getAttribute('aria-label'))"
    )


def names(browser: Browser) -> list[str]:
    return browser.run(
        "return [...document.querySelectorAll('#league tbody tr:not([hidden]) td.name')].map(e => e.dataset.key)"
    )


def test_the_page_loads_without_a_complaint_and_without_a_request(browser: Browser, path: Path) -> None:
    assert browser.open(path) < 5
    assert browser.complaints() == []
    assert browser.requests() == [path.as_uri()]


@pytest.mark.parametrize("chart", MARKS)
def test_the_charts_are_drawn(shown: Browser, chart: str) -> None:
    assert shown.run(COUNT, MARKS[chart]) > 3


def test_a_point_is_drawn_for_each_configuration_backend_and_layer(shown: Browser) -> None:
    finite = [label for label in drawn(shown) if "breaks" not in label and EVIL not in label]
    assert len(finite) == 2 * 2 * 6


def test_the_heat_map_has_a_cell_for_each_layer_and_step(shown: Browser) -> None:
    assert shown.run("return views.heat.data('heat').length") == 4 * 2 * 6 * 5
    assert shown.run("const c = document.querySelector('#heat canvas'); return c.width * c.height") > 10_000


@pytest.mark.parametrize("column", range(1, 11))
def test_a_heading_sorts_up_and_then_down(shown: Browser, column: int) -> None:
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
        assert keys == shown.run("return arguments[0].sort((a, b) => b.localeCompare(a, 'en', {numeric: true}))", keys)


def test_filtering_hides_the_rows_without_the_words(shown: Browser) -> None:
    shown.run(
        "const f = document.querySelector('#filter'); f.value = 'TANH comes through'; f.dispatchEvent(new Event('input'))"
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
    changed(shown, "const s = document.querySelector('#steps'); s.value = s.max; s.dispatchEvent(new Event('input'))")
    assert shown.texts("#step") == ["4"]
    assert drawn(shown) != before


@pytest.mark.parametrize("quantity", ["weight gradient", "update ratio", "dead units", "activation, mean"])
def test_every_quantity_has_its_axis(shown: Browser, quantity: str) -> None:
    script = (
        "const s = document.querySelector('#quantity');"
        "s.selectedIndex = [...s.options].findIndex(o => o.text === arguments[0]); s.dispatchEvent(new Event('change'))"
    )
    changed(shown, script, quantity)
    assert any(
        text.startswith(f"{quantity} (")
        for text in shown.run("return [...document.querySelectorAll('#profile text')].map(e => e.textContent)")
    )
    assert shown.complaints() == []


def test_a_name_with_a_script_in_it_stays_text(shown: Browser) -> None:
    assert EVIL in names(shown)
    assert EVIL in shown.texts("h1")[0]
    shown.run(
        "const points = [...document.querySelectorAll('#profile .mark-symbol.role-mark path')];"
        "const e = points.find(e => e.getAttribute('aria-label').includes('pwned')), r = e.getBoundingClientRect();"
        "e.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX: r.x, clientY: r.y}))"
    )
    shown.until(lambda: "pwned" in shown.run("return document.querySelector('#vg-tooltip-element')?.textContent ?? ''"))
    assert shown.run("return window.pwned ?? null") is None
    assert shown.run(COUNT, "#vg-tooltip-element img, main img") == 0


@pytest.mark.parametrize(
    ("attempt", "rule"),
    [
        ("try { eval('window.pwned = 1') } catch {}", "script-src"),
        ("try { new Function('window.pwned = 1')() } catch {}", "script-src"),
        ("const e = document.createElement('script'); e.text = 'window.pwned = 1'; document.body.append(e)", "script-src"),
        ("const e = document.createElement('p'); e.innerHTML = '<img src=x onerror=\"window.pwned = 1\">'", "img-src"),
        ("const e = document.createElement('p'); e.setAttribute('onclick', 'window.pwned = 1'); e.click()", "script-src"),
        ("const e = document.createElement('base'); e.href = 'https://example.org/'; document.head.append(e)", "base-uri"),
        (
            "const e = document.createElement('form'); e.action = 'https://example.org/'; document.body.append(e); e.submit()",
            "form-action",
        ),
        ("fetch('https://example.org/').catch(() => {})", "connect-src"),
    ],
)
def test_the_policy_stops_what_a_script_from_elsewhere_would_do(shown: Browser, attempt: str, rule: str) -> None:
    listen = "document.addEventListener('securitypolicyviolation', e => stopped.push(e.effectiveDirective))"
    shown.run(f"window.stopped = []; {listen}")
    shown.run(f"setTimeout(() => {{ {attempt} }})")  # what is run from outside, the policy is not asked about
    shown.until(lambda: shown.run("return stopped.length"))
    assert rule in {found.removesuffix("-elem").removesuffix("-attr") for found in shown.run("return stopped")}
    assert shown.run("return window.pwned ?? null") is None
    assert shown.run("return document.baseURI") == shown.run("return location.href")
    assert [url for url in shown.requests() if "example.org" in url] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_is_wider_than_the_screen(browser: Browser, path: Path, width: int, scheme: str) -> None:
    browser.open(path, width=width, scheme=scheme)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    charts = "['profile', 'heat', 'agreement', 'divergence', 'seconds'].map(id => document.getElementById(id))"
    wider = f"return {charts}.filter(e => e.scrollWidth > e.clientWidth).map(e => e.id)"
    assert browser.run(wider) == []
    assert browser.complaints() == []


def test_the_answer_is_seen_without_scrolling(shown: Browser) -> None:
    assert shown.run("return document.querySelector('.answer').getBoundingClientRect().bottom") < 900


def test_the_page_is_dark_where_dark_is_preferred(browser: Browser, path: Path) -> None:
    browser.open(path, scheme="dark")
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 27)"
    assert browser.run("return getComputedStyle(document.querySelector('#profile text')).fill") == "rgb(228, 231, 234)"


def test_the_groups_name_every_configuration_once(shown: Browser) -> None:
    rows = shown.run("return [...document.querySelectorAll('.groups tbody tr:not(.beneath)')].map(r => r.cells[0].textContent)")
    assert sorted(rows) == sorted(names_only(shown))


def names_only(browser: Browser) -> list[str]:
    return browser.run("return data.configurations.map(c => c.name)")


def test_the_bound_of_a_free_run_is_drawn_and_chaos_is_marked(shown: Browser) -> None:
    lines = "return [...document.querySelectorAll('#divergence .mark-line path')].map(e => e.getAttribute('aria-label') ?? '')"
    assert any("bound" in label for label in shown.run(lines))
    assert shown.run(COUNT, "#divergence .mark-rule.role-mark line") == 0
    changed(shown, "data.configurations[data.chosen[0]].divergence[0].chaotic = 2; redraw('divergence')")
    assert shown.run(COUNT, "#divergence .mark-rule.role-mark line") == 1
    assert "chaotic" in shown.run("return document.querySelector('#divergence').textContent")


def test_agreement_is_drawn_as_a_share_of_the_bound_beside_the_line_that_breaks_it(shown: Browser) -> None:
    assert shown.run(COUNT, "#agreement .mark-rule.role-mark line") == 1
    assert "largest error over its bound" in shown.run("return document.querySelector('#agreement').textContent")


def test_zeros_leave_the_heat_map_its_colours(browser: Browser, tmp_path: Path) -> None:
    """A 0 in the data of a logarithmic scale made one colour of everything, and the legend complained."""
    source = make(tmp_path / "runs")
    run = source.run("tanh + xavier", "torch")
    assert run
    run.trace.quantities["signal_gradient_rms"][:, 2:, :3] = 0.0
    (tmp_path / "page.html").write_text(page.render([source]), encoding="utf-8")
    browser.open(tmp_path / "page.html")
    assert browser.complaints() == []
    colours = (
        "const c = document.querySelector('#heat canvas'), found = new Set();"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "for (let i = 0; i < d.length; i += 4) if (d[i + 3] === 255) found.add(`${d[i]},${d[i + 1]},${d[i + 2]}`);"
        "return [...found]"
    )
    found = browser.run(colours)
    assert "154,154,154" in found  # grey: exactly 0
    assert len(found) > 20


def test_a_verdict_has_its_reason_and_a_heading_its_meaning(shown: Browser) -> None:
    assert shown.run("return document.querySelectorAll('#league th[title]').length") >= 5
    assert "10^" in shown.run(
        "return [...document.querySelectorAll('#league th')].find(e => e.textContent.includes('decades')).title"
    )
