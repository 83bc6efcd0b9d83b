"""The page again, from runs that are there: of one folder, or of several side by side (two machines, precisions, versions).

    python -m experiments.report                          of results/
    python -m experiments.report here/ there/ --output both.html

It imports no framework and runs nothing. Exit status: 0; 1 when something could not be written; 2 for a mistake in what was
asked; and what ends every command (experiments/entry.py).
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from common.errors import UserError
from experiments import entry
from experiments.flags import parse


@dataclass(frozen=True)
class Options:
    """Make the page of stored runs again; several folders are put side by side."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[DIR ...]")] = (Path("results"),)
    """Folders of runs."""
    experiment: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: the last one)")] = None
    """Which experiment of the folders."""
    output: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: in the first)")] = None
    """Where to write the page: in the first folder, under the experiment's name, if nothing is said."""
    figures: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """Write the charts as SVG and PNG, for one column of a paper."""
    tensorboard: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """Write event files that TensorBoard opens, the backends as runs that overlay."""
    open: bool = False
    """Show the page in the browser."""


def run(options: Options) -> int:
    """Do what was asked; returns the exit status.

    Raises:
        UserError: What was asked cannot be done.
    """
    entry.check_memory()

    from experiments import destinations, index
    from experiments.report import outputs

    outputs.check(options.figures, options.tensorboard)
    if options.output:
        destinations.check_file("--output", options.output)
    for folder in options.folders:
        _check_folder(folder)
    sources = [index.load(folder, options.experiment) for folder in options.folders]
    page = options.output
    if not page:
        page = outputs.page_of(options.folders[0], sources[0].document.experiment)
        destinations.check_file("the page", page)
        destinations.check_name("the list of pages", outputs.list_of(options.folders[0]))
    folder = None if options.output else options.folders[0]
    also = {"figures": options.figures, "tensorboard": options.tensorboard, "opened": options.open}
    status = 0
    for said in outputs.write(sources, page, folder=folder, **also):
        if said.there:
            print(said.line)
        else:
            print(f"error: {said.line}", file=sys.stderr)
            status = 1
    return status


def _check_folder(folder: Path) -> None:
    try:
        os.listdir(folder)
    except OSError as error:
        raise UserError(
            f"a folder must hold finished runs that can be read; received {folder}: {error.strerror}; name another"
        ) from None


def main() -> None:
    """The command line."""
    sys.exit(entry.run(lambda: run(parse(Options, " ".join(entry.words("report"))))))


if __name__ == "__main__":
    main()
