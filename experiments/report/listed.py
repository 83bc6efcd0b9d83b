"""The list of a folder's pages.

Each experiment that was run into it, with what came of it, the last one first.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from experiments import index
from experiments.report import framed, outputs

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
    return [
        Listed(one.experiment, one.question, one.command, one.answer, _page(folder, one.experiment))
        for one in found
    ]


def _page(folder: Path, experiment: str) -> str | None:
    path = outputs.page_of(folder, experiment)
    return path.name if path.is_file() else None


def render(folder: Path) -> str:
    """The list as a page."""
    title = "The experiments of this folder, the last one first"
    script = framed.script(framed.THEME)
    return framed.rendered(
        HERE / "list.html", scripts=[script], title=title, experiments=listed(folder)
    )
