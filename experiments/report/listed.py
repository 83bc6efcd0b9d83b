"""The list of a folder's pages: each experiment that was run into it, with what came of it, the last one first."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from experiments import index
from experiments.report import outputs, page

HERE = Path(__file__).parent


class Listed(NamedTuple):
    """An experiment of a folder.

    Attributes:
        page: The name of its page's file, or None where there is none.
    """

    experiment: str
    question: str
    command: str
    answer: list[str]
    page: str | None


def listed(folder: Path) -> list[Listed]:
    """The experiments of a folder, the one that was asked for last at first."""
    found = sorted(index.indexes(folder), key=lambda one: one.sequence, reverse=True)
    return [Listed(one.experiment, one.question, one.command, one.answer, _page(folder, one.experiment)) for one in found]


def _page(folder: Path, experiment: str) -> str | None:
    path = outputs.page_of(folder, experiment)
    return path.name if path.is_file() else None


def render(folder: Path) -> str:
    """The list as a page."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=page.seen
    )
    style = Markup((HERE / "page.css").read_text(encoding="utf-8"))
    return environment.get_template("list.html").render(policy=page.policy(), style=style, experiments=listed(folder))
