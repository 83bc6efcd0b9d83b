"""What a report leaves behind beside the terminal's: the page, the figures, the event files."""

from __future__ import annotations

import webbrowser
from collections.abc import Iterator
from pathlib import Path

from common.errors import UserError
from experiments.findings.document import Document
from experiments.index import Source
from experiments.report.page import render
from experiments.store import write_whole


def page_of(folder: Path, document: Document) -> Path:
    """The page of an experiment: beside its runs, under its name, so that another experiment has another page."""
    return folder / f"{Path(document.experiment).stem}.html"


def write(
    sources: list[Source], page: Path, *, figures: Path | None = None, tensorboard: Path | None = None, opened: bool = False
) -> Iterator[str]:
    """Write what was asked for; yields a line for each, once it is there.

    Raises:
        UserError: A file or folder cannot be written.
    """
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        write_whole(page, render(sources).encode())
        yield f"Page: {page}"
        if figures:
            from experiments.report.figures import draw

            yield f"Figures: {figures} ({draw(sources, figures)} files)"
        if tensorboard:
            from experiments.report.tensorboard import log

            log(sources, tensorboard)
            yield f"Event files: tensorboard --logdir {tensorboard}"
    except OSError as error:
        raise UserError(f"a report must be written to a place that can be written to; {error}") from None
    if opened:
        webbrowser.open(page.resolve().as_uri())
