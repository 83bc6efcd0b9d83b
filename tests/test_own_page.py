"""The pages of own models, what both have: a user's text stays text, charts have words, and a page
is small.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest

from experiments.own.diagnosis import Profile
from experiments.own.drawing import spread
from experiments.own.names import cut, of_decades, plain, power
from experiments.own.page import page_of_diagnosis
from tests.own_documents import EVIL, LONG, diagnosis, signals
from tests.own_read import Read, model, ported


@pytest.mark.parametrize("page", [model, ported])
def test_a_users_text_stays_text(page: Callable[[], str]) -> None:
    read = Read(page())
    assert not {"img", "iframe", "object"} & {tag for tag, _ in read.tags}
    assert [attributes for tag, attributes in read.tags if tag == "script"] == [
        {"type": "application/json", "id": "data"},
        {},
    ]
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
    assert plain(EVIL) in read.shown
    assert not {"\u202e", "\x1b"} & set(page())
    assert "://" not in re.sub(r'xmlns(:\w+)?="[^"]+"', "", page())


@pytest.mark.parametrize("page", [model, ported])
def test_every_chart_has_a_text_with_numbers_and_axes_with_titles(page: Callable[[], str]) -> None:
    figures = re.findall(
        r'<figure role="img" aria-label="([^"]+)"[^>]*>(.*?)</figure>', page(), flags=re.DOTALL
    )
    assert len(figures) == page().count("<figure")
    for label, drawn in figures:
        assert len(re.findall(r"\d", label)) >= 2
        texts = set(map(unescape, re.findall(r">([^<>]+)</text>", drawn)))
        assert any(re.search(r"\((share|mean)", text) for text in texts), "no unit"
        assert any(text.startswith(("layer", "step")) for text in texts), (
            "no title of the horizontal axis"
        )
    for tag, attributes in Read(page()).tags:
        if tag == "svg" and attributes.get("class") == "strip":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]


@pytest.mark.parametrize("page", [model, ported])
def test_a_long_name_is_cut_in_the_middle_and_whole_on_hover(page: Callable[[], str]) -> None:
    assert f'title="{LONG}"' in page()
    cells = " ".join(cell for row in Read(page()).rows for cell in row)
    assert LONG not in cells
    assert "…" in cells


def test_a_name_that_is_cut_on_an_axis_has_its_title() -> None:
    assert f"<title>{LONG}</title>" in model()


@pytest.mark.parametrize(
    ("name", "most", "shown"),
    [
        ("conv1", 8, "conv1"),
        ("abcdefghij", 5, "ab…ij"),
        ("a\u202eb\x1b[2J", 9, "a\ufffdb\ufffd[2J"),
    ],
)
def test_names_keep_both_ends(name: str, most: int, shown: str) -> None:
    assert cut(name, most) == shown
    assert len(cut(name * 9, most)) == most


@pytest.mark.parametrize(
    ("decades", "shown"),
    [(0.0, "1"), (-3.5, "0.00032"), (-30.0, "1e-30"), (-450.5, "3.2e-451"), (600.0, "1e+600")],
)
def test_a_number_is_told_by_its_logarithm(decades: float, shown: str) -> None:
    assert of_decades(decades) == shown


def test_powers_of_ten_are_raised() -> None:
    assert [power(each) for each in (-18, 0, 3)] == ["10⁻¹⁸", "10⁰", "10³"]
    assert plain("é𝒩 layer") == "é𝒩 layer"


def test_words_at_the_same_place_are_moved_apart_within_the_bounds() -> None:
    found = spread([5.0, 5.0, 99.0, 5.0], 0.0, 100.0, 13.0)
    assert min(abs(a - b) for i, a in enumerate(found) for b in found[:i]) >= 13
    assert min(found) >= 0
    assert max(found) <= 100
    assert spread([10.0, 60.0], 0.0, 100.0, 13.0) == [10.0, 60.0]


def test_a_page_of_a_hundred_layers_and_many_steps_is_small() -> None:
    layers = 100
    profiles = [
        Profile(step=step + 1, signal_gradient_rms=list(signals(layers, 0.9))) for step in range(50)
    ]
    page = page_of_diagnosis(diagnosis(layers=layers, profiles=profiles, losses=[2.0] * 200))
    assert len(page.encode()) < 3e6
    assert "A column for each of 40 of 200 steps" in Read(page).shown
