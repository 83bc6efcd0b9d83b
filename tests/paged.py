"""The page of a small stored experiment, as a parser sees it, and what the store has of its
runs.
"""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from experiments.report import page
from experiments.reported import Source
from tests.stored import make


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return make(tmp_path_factory.mktemp("page") / "runs")


@pytest.fixture(scope="module")
def html(source: Source) -> str:
    return page.render([source])


class Reader(HTMLParser):
    """The page as a parser sees it: elements, the cells of the league table, the text outside of
    scripts, the data.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.rows: list[list[str]] = []
        self.league = False
        self.text = ""
        self.addresses: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [
            value for name, value in attrs if name in ("src", "href", "srcset", "data", "action")
        ]
        if tag == "script":
            self.scripts.append("")
        if tag == "tr":
            self.league = "data-configuration" in dict(attrs) and not (
                dict(attrs).get("class") or ""
            ).startswith("line")
            if self.league:
                self.rows.append([])
        if tag == "td" and self.league:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["script"]:
            self.scripts[-1] += data
        else:
            self.text += data
            if self.league and self.rows[-1] and self.tags[-1:] != ["small"]:
                self.rows[-1][-1] += data.strip()

    def handle_endtag(self, tag: str) -> None:
        self.tags.append("/" + tag)


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    return Reader(html)


@pytest.fixture(scope="module")
def data(reader: Reader) -> dict[str, Any]:
    return json.loads(reader.scripts[0])


def tables(source: Source, name: str) -> dict[str, pl.DataFrame]:
    """What the store has of a configuration, read by polars and by nothing of ours."""
    runs = source.entries[name].runs.items()
    paths = {backend: Path(source.label) / f"{run_id}.parquet" for backend, run_id in runs}
    return {backend: pl.read_parquet(path) for backend, path in paths.items() if path.exists()}
