"""The page of a small experiment as a browser shows it, and its controls."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.report import page
from tests.browser import Browser
from tests.stored import make

CHARTS = ("profile", "learning", "heat", "difference", "agreement", "divergence", "seconds")
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
        (
            f"{script}; const last = queue; window.settled = false; queue.then(() => {{ "
            f"window.settled = true; }})"
        ),
        *arguments,
    )
    browser.until(lambda: browser.run("return window.settled"))


def drawn(browser: Browser) -> list[str]:
    """What the points of the profile say of themselves."""
    return browser.run(
        "return [...document.querySelectorAll('#profile .mark-symbol.role-mark path')].map(e => "
        "e.getAttribute('aria-label'))"
    )


def pick(browser: Browser, control: str, value: str) -> None:
    """Choose in a menu, by the value or by the words."""
    find = f"const s = document.querySelector('#{control}'); const o = [...s.options]"
    which = (
        "s.selectedIndex = o.findIndex(e => e.value === arguments[0] || e.text === arguments[0])"
    )
    changed(browser, f"{find}; {which}; s.dispatchEvent(new Event('change'))", value)


def seen(browser: Browser, chart: str) -> list[str]:
    """The texts of a chart."""
    return browser.run(
        f"return [...document.querySelectorAll('#{chart} text')].map(e => e.textContent)"
    )


def names(browser: Browser) -> list[str]:
    return browser.run(
        "return [...document.querySelectorAll('#league tbody tr:not([hidden]) td.name')].map(e => "
        "e.dataset.key)"
    )


def names_only(browser: Browser) -> list[str]:
    return browser.run("return data.configurations.map(c => c.name)")
