"""The annotated picture of docs: a number on each part that the document explains, and no picture
where a part is not there.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from common.errors import UserError
from experiments.report.words import WORDS
from tests import pictures
from tests.browser import Browser
from tests.pictures import BELOW, HEIGHT, MARKED, WIDTH, take

DOCUMENT = (pictures.IMAGES.parent / "how-to-read.md").read_text(encoding="utf-8")
MARKS = "[...document.querySelectorAll('.mark-of-the-picture')]"


def element(selector: str, style: str) -> str:
    named = f'id="{selector[1:]}"' if selector[0] == "#" else f'class="{selector[1:]}"'
    return (
        f"<h1 style='{style}'>h1</h1>"
        if selector == "h1"
        else f"<div {named} style='{style}'>{selector}</div>"
    )


def a_page(
    folder: Path, *, without: Sequence[str] = (), style: str = "height: 120px", first: str = ""
) -> Path:
    """A page of the parts alone, one below the other."""
    parts = [element(one, style) for one in (*MARKED, *BELOW) if one not in without]
    path = folder / "page.html"
    path.write_text(f"<body style='margin: 20px' data-ready=1>{first}{''.join(parts)}</body>")
    return path


def test_both_pictures_are_taken_and_differ_by_the_numbers(
    browser: Browser, tmp_path: Path
) -> None:
    take(browser, a_page(tmp_path), tmp_path)
    plain, marked = ((tmp_path / name).read_bytes() for name in ("report.png", "how-to-read.png"))
    assert (
        struct.unpack(">II", plain[16:24]) == struct.unpack(">II", marked[16:24]) == (WIDTH, HEIGHT)
    )
    assert plain != marked
    assert browser.run(f"return {MARKS}.map(e => e.textContent)") == [
        str(n) for n in range(1, len(MARKED) + 1)
    ]


def test_a_number_is_at_the_corner_of_its_part(browser: Browser, tmp_path: Path) -> None:
    take(browser, a_page(tmp_path), tmp_path)
    corner = "(e => { const b = e.getBoundingClientRect(); return [b.left, b.top]; })"
    for number, selector in enumerate(MARKED):
        part = browser.run(f"return {corner}(document.querySelector(arguments[0]))", selector)
        mark = browser.run(f"return {corner}({MARKS}[arguments[0]])", number)
        assert all(abs(a - b) <= pictures.SIZE for a, b in zip(part, mark, strict=True)), selector


def test_numbers_of_parts_that_touch_stand_beside_one_another(
    browser: Browser, tmp_path: Path
) -> None:
    take(browser, a_page(tmp_path, style="height: 3px; margin: 0"), tmp_path)
    boxes = browser.run(
        f"return {MARKS}.map(e => {{ const b = e.getBoundingClientRect(); return [b.left, b.top]; "
        f"}})"
    )
    apart = [
        max(abs(a - c), abs(b - d)) for i, (a, b) in enumerate(boxes) for c, d in boxes[i + 1 :]
    ]
    assert min(apart) >= pictures.SIZE


@pytest.mark.parametrize("selector", [*MARKED, *BELOW])
def test_a_part_that_is_not_there_is_an_error_and_no_picture(
    selector: str, browser: Browser, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=f"lacks {re.escape(selector)}$"):
        take(browser, a_page(tmp_path, without=[selector]), tmp_path)
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ({"first": "<p style='height: 700px'>"}, "#learning is outside of the picture"),
        ({"style": "display: none"}, "h1 is not there"),
    ],
    ids=["below the fold", "hidden"],
)
def test_a_part_that_is_not_seen_is_an_error_and_no_picture(
    page: dict[str, str], said: str, browser: Browser, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said):
        take(browser, a_page(tmp_path, **page), tmp_path)
    assert not list(tmp_path.glob("*.png"))


def test_a_page_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pictures.main([str(tmp_path / "none.html")]) == 2
    assert capsys.readouterr().err.endswith(
        "none.html; make it with: python -m experiments.compare\n"
    )


# --- the document


def test_the_list_below_the_picture_has_its_numbers_in_their_order() -> None:
    assert re.findall(r"^(\d+)\. \*\*(.+?)\*\*", DOCUMENT, re.M) == [
        (str(number), words) for number, words in enumerate(MARKED.values(), start=1)
    ]
    assert DOCUMENT.count("](images/how-to-read.png)") == 1


def test_what_comes_further_down_is_explained_in_its_order() -> None:
    below = DOCUMENT.split("Further down:")[1].split("##")[0]
    assert re.findall(r"^- \*\*(.+?)\*\*", below, re.M) == list(BELOW.values())


def test_what_is_in_italics_is_in_the_glossary() -> None:
    words = {word.lower() for word in re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", DOCUMENT)} - {
        "italics"
    }
    assert len(words) > 8
    assert [
        word for word in sorted(words) if word not in WORDS and word.removesuffix("s") not in WORDS
    ] == []
