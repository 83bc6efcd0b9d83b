"""What a report leaves behind beside the terminal's.

Index, findings, page, figures, event files; each for itself.

Where one cannot be written, that is a line of its own, and the others are written all the same.
"""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from common.errors import UserError, install_command
from common.text import file_stem
from experiments import destinations
from experiments.index import Index, indexes, path_of, save
from experiments.report.figures.flags import Asked
from experiments.reported import Source
from experiments.store import Store

NEEDS = ("altair", "jinja2", "tomli_w", "vl_convert")
"""The packages that make the page."""


class Said(NamedTuple):
    """What is told of something that was to be written, and whether it is there."""

    line: str
    there: bool = True


def page_of(folder: Path, experiment: str) -> Path:
    """The page of an experiment.

    Beside its runs, under its name, so that another experiment has another page.
    """
    return folder / f"{file_stem(experiment)}.html"


def list_of(folder: Path) -> Path:
    """The page that lists all pages of a folder."""
    return folder / "report.html"


def check_packages(what: str) -> None:
    """Refuse before anything is run what could not be drawn after it.

    Raises:
        UserError: A package is not installed, or does not work like this.
    """
    if sys.flags.optimize > 1:
        raise UserError(
            f"{what} needs the docstrings that python -OO leaves out; use python -O, or "
            "PYTHONOPTIMIZE=1"
        )
    if absent := [name for name in NEEDS if find_spec(name) is None]:
        raise UserError(f"{what} needs {', '.join(absent)}; install with: {install_command()}")


def check(figures: Asked | None, tensorboard: Path | None) -> None:
    """Refuse before anything is run what could not be written after it.

    Raises:
        UserError: A folder cannot be written to, or a package is not installed, or does not work
            like this.
    """
    check_packages("the page")
    if figures:
        destinations.check_folder("--figures", figures.folder)
    if tensorboard:
        from experiments.report import tensorboard as events

        destinations.check_folder("--tensorboard", tensorboard)
        events.check()


def index(store: Store, made: Index) -> Said:
    """Write the index of an experiment beside its runs."""
    path = path_of(store, made.experiment)
    return _tried(f"the index {path}", partial(_index, store, made, path))


def findings(source: Source, path: Path) -> Said:
    """Write the findings as JSON."""
    return _tried(
        f"the findings {path}", partial(_file, "Findings", path, source.document.to_json() + "\n")
    )


def write(
    sources: list[Source],
    page: Path,
    *,
    folder: Path | None = None,
    figures: Asked | None = None,
    tensorboard: Path | None = None,
    opened: bool = False,
) -> Iterator[Said]:
    """Write what was asked for; yields what is told of each, once it is there or cannot be.

    Args:
        sources: The experiments, side by side.
        page: Where their page is written.
        folder: Of which the pages are listed again, if one is given.
        figures: Which figures are drawn, and where they are written.
        tensorboard: Where the event files are written.
        opened: Whether the page is shown in the browser.
    """
    yield (shown := _tried(f"the page {page}", partial(_page, sources, page)))
    if folder:
        listed = _tried(f"the list {list_of(folder)}", partial(_list, folder))
        if not listed.there or len(indexes(folder)) > 1:  # a list of one is not worth a line
            yield listed
    if figures:
        yield _tried(f"the figures in {figures.folder}", partial(_figures, sources, figures))
    if tensorboard:
        yield _tried(f"the event files in {tensorboard}", partial(_events, sources, tensorboard))
    if opened and shown.there:
        webbrowser.open(page.resolve().as_uri())


def _tried(what: str, make: Callable[[], str]) -> Said:
    try:
        return Said(make())
    except (OSError, MemoryError) as error:
        return Said(f"{what} could not be written: {destinations.reason(error)}", there=False)


def _index(store: Store, made: Index, path: Path) -> str:
    destinations.refuse(path)
    save(store, made)
    return f"Index: {path}"


def _file(what: str, path: Path, text: str) -> str:
    destinations.write(path, text.encode(errors="replace"))
    return f"{what}: {path}"


def _page(sources: list[Source], path: Path) -> str:
    from experiments.report.page import render

    return _file("Page", path, render(sources))


def _list(folder: Path) -> str:
    from experiments.report.listed import render

    return _file("All pages", list_of(folder), render(folder))


def _figures(sources: list[Source], asked: Asked) -> str:
    from experiments.report.figures.drawn import draw

    drawn = draw(sources, asked)
    return "; ".join([f"Figures: {asked.folder} ({len(drawn.files)} files)", *drawn.nothing])


def _events(sources: list[Source], folder: Path) -> str:
    from experiments.report.tensorboard import log

    log(sources, folder)
    return f"Event files: tensorboard --logdir {folder}"
