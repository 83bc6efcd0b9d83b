"""The page in a real headless Chromium: drawn without a complaint or a request, and it does what its controls say."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from experiments.report import page, script_data
from tests.browser import Browser
from tests.stored import EVIL, make

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")

CHARTS = ("profile", "learning", "heat", "difference", "agreement", "divergence", "seconds")
MARKS = {
    "profile": "#profile .mark-symbol.role-mark path", "learning": "#learning .mark-line.role-mark path",
    "agreement": "#agreement .mark-symbol.role-mark path",
    "divergence": "#divergence .mark-line path", "seconds": "#seconds .mark-rect path",
}  # fmt: skip
CHECKS = (Path(__file__).parent / "page_checks.js").read_text(encoding="utf-8")
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


def pick(browser: Browser, control: str, value: str) -> None:
    """Choose in a menu, by the value or by the words."""
    find = f"const s = document.querySelector('#{control}'); const o = [...s.options]"
    which = "s.selectedIndex = o.findIndex(e => e.value === arguments[0] || e.text === arguments[0])"
    changed(browser, f"{find}; {which}; s.dispatchEvent(new Event('change'))", value)


def seen(browser: Browser, chart: str) -> list[str]:
    """The texts of a chart."""
    return browser.run(f"return [...document.querySelectorAll('#{chart} text')].map(e => e.textContent)")


def names(browser: Browser) -> list[str]:
    return browser.run(
        "return [...document.querySelectorAll('#league tbody tr:not([hidden]) td.name')].map(e => e.dataset.key)"
    )


def test_the_page_loads_without_a_complaint_and_without_a_request(browser: Browser, path: Path) -> None:
    assert browser.open(path) < 5
    assert browser.complaints() == []
    assert browser.requests() == [path.as_uri()]


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
    assert shown.run("const c = document.querySelector('#heat canvas'); return c.width * c.height") > 10_000


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
    pick(shown, "quantity", quantity)
    assert any(text.startswith(f"{quantity} (") for text in seen(shown, "profile"))
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
    charts = f"{list(CHARTS)}.map(id => document.getElementById(id))"
    wider = f"return {charts}.filter(e => e.scrollWidth > e.clientWidth).map(e => e.id)"
    assert browser.run(wider) == []
    assert browser.complaints() == []


def test_the_answer_is_seen_without_scrolling(shown: Browser) -> None:
    bottom = "return document.querySelector(arguments[0]).getBoundingClientRect().bottom"
    assert [name for name in ("#answer", "#profile", "#learning") if shown.run(bottom, name) > 900] == []


def test_on_a_phone_the_answer_and_the_profile_are_on_one_screen(browser: Browser, path: Path) -> None:
    browser.open(path, width=400, height=800)
    middle = "const r = document.querySelector('#profile').getBoundingClientRect(); return (r.top + r.bottom) / 2"
    assert browser.run(middle) < 800
    groups = browser.texts(".groups .verdict")
    assert [text.rpartition(":")[2] for text in groups] == [" 2 of 5", " 1 of 5", " 2 of 5"]
    assert browser.texts(".groups .line:not(.beneath)") == []
    browser.run("document.querySelector('.fold-group').click()")
    assert len(browser.texts(".groups .line:not(.beneath)")) == 2


def test_the_page_is_dark_where_dark_is_preferred(browser: Browser, path: Path) -> None:
    browser.open(path, scheme="dark")
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 27)"
    assert browser.run("return getComputedStyle(document.querySelector('#profile text')).fill") == "rgb(228, 231, 234)"


def test_the_groups_name_every_configuration_once(shown: Browser) -> None:
    rows = shown.run(
        "return [...document.querySelectorAll('.groups .line:not(.beneath) td:first-child')].map(r => r.firstChild.textContent)"
    )
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


def test_agreement_is_drawn_as_errors_beside_their_bounds(shown: Browser) -> None:
    assert shown.run(COUNT, "#agreement .mark-rect.role-mark path") == 4  # the bounds
    assert shown.run(COUNT, "#agreement .mark-symbol.role-mark path") == 4
    assert "largest error (relative), and its bound" in seen(shown, "agreement")
    changed(shown, "Object.assign(data.agreement[0], {outcome: 'broken', error: 1, error_at: 1}); redraw('agreement')")
    assert "broken" in seen(shown, "agreement")


def test_with_one_framework_the_names_of_agreement_are_a_line_apart(shown: Browser) -> None:
    places = "return [...document.querySelectorAll('#agreement .role-axis-label text')].map(e => e.getBoundingClientRect())"
    tops = sorted(box["y"] for box in shown.run(places) if box["x"] < 400)
    assert len(tops) == 4
    assert min(b - a for a, b in pairwise(tops)) > 14


def test_zeros_leave_the_heat_map_its_colours(browser: Browser, tmp_path: Path) -> None:
    """A 0 in the data of a logarithmic scale made one colour of everything, and the legend complained."""
    source = make(tmp_path / "runs")
    run = source.run("tanh + xavier", "torch")
    assert run
    run.trace.quantities["signal_gradient_rms"][:, 2:, :3] = 0.0
    (tmp_path / "page.html").write_text(page.render([source]), encoding="utf-8")
    browser.open(tmp_path / "page.html")
    pick(browser, "backend", "torch")
    assert browser.complaints() == []
    colours = (
        "const c = document.querySelector('#heat canvas'), found = new Set();"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "for (let i = 0; i < d.length; i += 4) if (d[i + 3] === 255) found.add(`${d[i]},${d[i + 1]},${d[i + 2]}`);"
        "return [...found]"
    )
    found = browser.run(colours)
    assert "128,136,144" in found  # grey: exactly 0
    assert len(found) > 20


def test_a_verdict_has_its_reason_and_a_heading_its_meaning(shown: Browser) -> None:
    assert shown.run("return document.querySelectorAll('#league th[title]').length") >= 5
    assert "10^" in shown.run(
        "return [...document.querySelectorAll('#league th')].find(e => e.textContent.includes('decades')).title"
    )


def test_each_name_stands_at_the_end_of_its_line_and_on_no_other(shown: Browser) -> None:
    for chart in ("profile", "learning"):
        labels = shown.run(f"return rowsOf['{chart}'].filter(row => row.kind === 'label')")
        assert [label["configuration"] for label in labels if label["configuration"]] == names_only(shown)[:4]
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
    assert "Flat: every layer gets the same; falling to the left: vanishing" in shown.texts("#how")[0]
    share = shown.run("return rowsOf.profile.filter(row => row.kind === 'value' && row.layer === 6).map(row => row.mid)")
    assert {1.0, None} == set(share)
    pick(shown, "quantity", "dead_fraction")
    assert "comes through" not in seen(shown, "profile")


def test_powers_of_ten_are_written_with_raised_digits(shown: Browser) -> None:
    assert {"10⁻³", "10⁻²", "10³"} <= set(seen(shown, "profile"))
    assert [text for text in seen(shown, "profile") if "e-" in text] == []


def test_the_learning_curves_have_the_level_of_guessing(shown: Browser) -> None:
    assert "guessing" in seen(shown, "learning")
    assert "training loss (nats)" in seen(shown, "learning")
    guess = shown.run("return rowsOf.learning.filter(row => row.kind === 'guess').map(row => row.value)")
    assert guess == shown.run("return data.guesses")


def test_a_colour_stays_a_configurations_own(shown: Browser) -> None:
    colour = "return getComputedStyle(document.querySelectorAll('#league tbody tr')[arguments[0]]).getPropertyValue('--colour')"
    before = [shown.run(colour, row) for row in range(4)]
    assert len(set(before)) == 4
    changed(shown, "choose(0)")
    assert [shown.run(colour, row) for row in range(1, 4)] == before[1:]
    changed(shown, "choose(4)")
    assert shown.run(colour, 4) == before[0]  # the place that is free


def test_dashes_are_configurations_with_one_backend_and_backends_with_all(shown: Browser) -> None:
    measured = "e => e.getAttribute('stroke') !== '#808890'"  # what theory expects is grey
    lines = f"[...document.querySelectorAll('#profile .mark-line.role-mark path')].filter({measured})"
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
        "for (let i = 5; i < 8; i++) data.configurations.push({...data.configurations[1], name: `copy ${i}`});"
        "chooseAll([0, 1, 2, 3, 4, 5, 6, 7])",
    )
    panels = browser.run("return [...new Set(rowsOf.heat.map(row => row.panel))]")
    assert len(panels) == 7  # the one that crashed has nothing to draw
    cells = browser.run("const s = views.heat; return [s.signal('child_width'), s.signal('child_height')]")
    assert cells[0] % 5 == 0
    assert cells[1] % 6 == 0


def test_a_backend_that_differs_from_the_definition_has_a_panel(browser: Browser, tmp_path: Path) -> None:
    source = make(tmp_path / "runs")
    run = source.run("tanh + xavier", "torch")
    assert run
    run.trace.quantities["signal_gradient_rms"][:, 3:, :2] *= 2.0
    (tmp_path / "page.html").write_text(page.render([source]), encoding="utf-8")
    browser.open(tmp_path / "page.html")
    rows = browser.run("return rowsOf.difference")
    assert {row["panel"] for row in rows} == {"tanh + xavier\ntorch"}
    apart = [row for row in rows if abs(row["mid"]) > 0.1]
    assert {(row["step"], row["layer"]) for row in apart} == {(step, layer) for step in (3, 4) for layer in (1, 2)}
    assert [round(row["mid"], 2) for row in apart] == [0.30] * 4  # decades
    same = "Of the configurations that are drawn, the same to the eye as the definition (within 5 %): torch in 3."
    assert browser.texts("#same") == [same]


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
    changed(browser, "location.hash = arguments[0]; read(); chosen(); filter(); redraw(...Object.keys(drawing))", before[0])
    assert browser.run("return [location.hash, rowsOf.profile]") == before
    assert names(browser) == ["tanh + xavier"]
    assert browser.run("return document.querySelector('#backend').value") == "torch"
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 27)"


@pytest.mark.parametrize("address", ["#draw=nobody&step=99&quantity=x&backend=y&theme=z", "#step=-1", "#%%%", "#draw="])
def test_an_address_that_says_what_is_not_there_does_no_harm(browser: Browser, path: Path, address: str) -> None:
    browser.open(path)
    changed(browser, "location.hash = arguments[0]; read(); chosen(); redraw('profile')", address)
    assert browser.complaints() == []
    assert browser.run("return data.quantities.includes(state.quantity) && state.steps.includes(state.step)")


def test_chips_filter_and_the_filtered_are_drawn(shown: Browser) -> None:
    shown.run("document.querySelector('.chips button[data-kind=relu]').click()")
    assert names(shown) == ["breaks"]
    shown.run("document.querySelector('.chips button[data-kind=tanh]').click()")
    assert names(shown) == ["tanh + xavier", "breaks"]
    shown.run("document.querySelector('.chips button[data-kind=xavier]').click()")
    assert names(shown) == ["tanh + xavier"]
    changed(shown, "document.querySelector('#drawn').click()")
    assert shown.run("return [...state.chosen.keys()]") == [1]


def test_every_chart_has_a_text_an_axis_title_and_a_unit(shown: Browser) -> None:
    for chart in CHARTS:
        if shown.run("return document.getElementById(arguments[0]).querySelector('svg, canvas')", chart) is None:
            assert chart == "difference"  # nothing differs
            continue
        said = shown.run("return document.getElementById(arguments[0]).getAttribute('aria-label')", chart)
        assert len(said) > 30, chart


@pytest.mark.parametrize("name", script_data.specs(folders=False))
@pytest.mark.parametrize("axis", ["x", "y"])
def test_an_axis_of_numbers_has_a_title_and_a_unit(name: str, axis: str) -> None:
    spec = script_data.specs(folders=False)[name]
    inner = spec.get("spec", spec)
    of_axis = [part["encoding"][axis] for part in inner.get("layer", [inner]) if axis in part["encoding"]]
    titles = {one["title"] for one in of_axis if one.get("title") and "field" in one}
    kinds = {one["type"] for one in of_axis if "type" in one and one.get("scale", "") is not None}
    assert kinds == {"nominal"} or len(titles) == 1
    counted = ("layer", "training step", "largest error (relative), and its bound")
    assert all(title.startswith(counted) or re.search(r" \(.+\)$", title) for title in titles)


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
    browser.run("document.querySelector('#clear').style.cssText = 'min-height: 0; line-height: 1; font-size: 8px'")
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
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_an_export_has_the_width_that_was_asked_for_and_the_rows(shown: Browser) -> None:
    def pixels(form: str, width: int) -> list[int]:
        script = f"{CHECKS} const [form, width, done] = arguments; pixelsOf('profile', form, width).then(done)"
        return shown.driver.execute_async_script(script, form, width)

    assert abs(pixels("svg", 700)[0] - 700) <= 15
    assert abs(pixels("png", 700)[0] - 1400) <= 30
    heads, *rows = shown.run("return csvOf('profile').split('\\r\\n')")
    assert heads == "configuration,backend,folder,layer,step,low,mid,high"
    assert len(rows) == 4 * 6
    assert sum(EVIL.replace('"', '""') in row for row in rows) == 6


def test_what_theory_expects_is_dotted_before_the_first_step_and_not_after(shown: Browser) -> None:
    expected = "return rowsOf.profile.filter(row => row.kind === 'theory').map(row => [row.configuration, row.layer, row.mid])"
    rows = shown.run(expected)
    assert {name for name, *_ in rows} == {"sigmoid + xavier", "tanh + xavier", "breaks", EVIL}
    assert [mid for name, layer, mid in rows if name == "tanh + xavier" and layer == 6] == [1]
    assert "Dotted" in shown.texts("#how")[0]
    changed(shown, "const s = find('#steps'); s.value = 1; s.dispatchEvent(new Event('input'))")
    assert shown.run(expected) == []
    assert "Dotted" not in shown.texts("#how")[0]
