"""The migration reference as a page, in a real headless Chromium: its search, its tabs, its
address.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from experiments.ledger import entries
from experiments.ledger.names import rosetta
from experiments.report import countermeasures, guide, listed, reference
from tests.browser import Browser

SHOWN = "article:not([hidden])"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    page = tmp_path_factory.mktemp("reference") / "reference.html"
    page.write_text(reference.page(), encoding="utf-8")
    return page


@pytest.fixture
def page(browser: Browser, path: Path) -> Browser:
    browser.open(path)
    return browser


def typed(page: Browser, words: str) -> list[str]:
    """The names of the articles that are left when these words are typed."""
    page.run(
        "const search = document.getElementById('search'); search.value = arguments[0];"
        "search.dispatchEvent(new Event('input'))",
        words,
    )
    return page.run("return [...document.querySelectorAll(arguments[0])].map(e => e.id)", SHOWN)


def test_it_loads_without_a_complaint_and_without_a_request(browser: Browser, path: Path) -> None:
    assert browser.open(path) < 5
    assert browser.complaints() == []
    assert browser.requests() == [path.as_uri()]


def test_the_policy_names_its_script_and_no_other(path: Path) -> None:
    (rule,) = re.findall(r"script-src ([^;]*);", path.read_text(encoding="utf-8"))
    assert re.fullmatch(r"'sha256-[^']+'", html.unescape(rule))


def test_all_differences_loops_and_countermeasures_are_on_it(page: Browser) -> None:
    shown = set(typed(page, ""))
    assert set(entries()) <= shown
    assert {f"room-{name}" for name in countermeasures.rooms()} <= shown
    assert {f"name-{guide.anchor(row.name)}" for row in rosetta.rows()} <= shown
    assert {"loop-torch", "loop-keras", "loop-linen", "loop-nnx"} <= shown


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("BatchNorm1d eps", "batch-norm-epsilon"), ("clipnorm", "clip-scope"),
        ("gelu", "gelu-form"),
        ("from_logits", "cross-entropy-from-logits"), ("KERAS_BACKEND", "start"),
        ("stop_gradient", "name-no-gradient-through-a-value"),
    ],
)  # fmt: skip
def test_the_search_takes_any_framework_s_word(page: Browser, words: str, name: str) -> None:
    shown = typed(page, words)
    assert name in shown
    assert len(shown) < len(entries()) / 2
    assert page.run("return document.getElementById('count').textContent") == f"{len(shown)} found"


def test_what_nothing_is_called_by_leaves_nothing(page: Browser) -> None:
    assert typed(page, "zyzzyva") == []


def test_a_tab_leaves_the_lines_of_one_framework(page: Browser) -> None:
    page.run("document.querySelector('button[data-only=keras]').click()")
    assert (
        page.run(
            "return document.querySelector('button[data-only=keras]').getAttribute('aria-pressed')"
        )
        == "true"
    )
    visible = page.run(
        "return [...document.querySelectorAll('.wings > div')].filter(e => e.offsetParent).map(e "
        "=> e.className)"
    )
    assert set(visible) == {"keras"}


def test_a_view_is_kept_in_the_address(page: Browser, browser: Browser) -> None:
    typed(page, "momentum")
    page.run("document.querySelector('button[data-only=jax]').click()")
    address = page.run("return location.href")
    assert address.endswith("#?q=momentum&only=jax")
    browser.driver.get("about:blank")
    browser.driver.get(address)
    browser.until(lambda: browser.run("return document.body.dataset.ready"))
    assert browser.run("return document.getElementById('search').value") == "momentum"
    assert browser.run("return document.body.dataset.only") == "jax"


def test_an_entry_is_linked_to_by_its_name(browser: Browser, path: Path) -> None:
    browser.driver.get(f"{path.as_uri()}#adam-epsilon-default")
    browser.until(lambda: browser.run("return document.body.dataset.ready"))
    top = browser.run(
        "return document.getElementById('adam-epsilon-default').getBoundingClientRect().top"
    )
    assert 0 <= top < 200


@pytest.mark.parametrize("width", [1400, 400])
def test_nothing_is_wider_than_the_window(browser: Browser, path: Path, width: int) -> None:
    browser.open(path, width=width)
    assert browser.run("return document.documentElement.scrollWidth") <= width


def test_its_theme_can_be_chosen_and_so_can_that_of_the_list_of_pages(
    browser: Browser, path: Path, tmp_path: Path
) -> None:
    pages = tmp_path / "report.html"
    pages.write_text(listed.render(tmp_path), encoding="utf-8")
    choose = (
        "const menu = document.querySelector('#theme'); menu.value = arguments[0]; "
        "menu.dispatchEvent(new Event('change'))"
    )
    background = "return getComputedStyle(document.body).backgroundColor"
    for page in (path, pages):
        browser.driver.get(page.as_uri())
        light = browser.run(background)
        browser.run(choose, "dark")
        assert browser.run(background) != light
        browser.run(choose, "auto")
        assert browser.run(background) == light
        assert browser.complaints() == []
