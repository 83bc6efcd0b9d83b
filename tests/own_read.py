"""The pages of own models, as a parser sees them."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser

from experiments.own.page import page_of_diagnosis, page_of_port
from tests.own_documents import diagnosis, port


class Read(HTMLParser):
    """What a page consists of: its tags, its rows of cells, the titles of its marks."""

    VOID = ("meta", "link", "br", "img", "input", "hr")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.titles: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "title":
            self.titles.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "title" in self.open:
            self.titles[-1] += data
        elif "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data
        elif not {"style", "script"} & set(self.open):
            self.text.append(data)

    @property
    def shown(self) -> str:
        return " ".join(" ".join(self.text).split())


@cache
def model() -> str:
    return page_of_diagnosis(diagnosis())


@cache
def ported() -> str:
    return page_of_port(port())


def labels(page: str) -> list[str]:
    return [
        attributes["aria-label"] or "" for tag, attributes in Read(page).tags if tag == "figure"
    ]


def titles(page: str, start: str) -> list[str]:
    """Of the marks of the wide charts whose title begins so."""
    return [title for title in Read(page).titles if title.startswith(start)]
