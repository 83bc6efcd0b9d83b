"""The page again, from runs that are there.

Of one folder, or of several side by side (two machines, precisions, versions).

    python -m experiments.report                          of results/
    python -m experiments.report here/ there/ --output both.html

It imports no framework and runs nothing. Exit status: 0; 1 when something could not be written; 2
for a mistake in what was asked; and what ends every command (experiments/entry.py).
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from common.errors import UserError
from experiments import entry
from experiments.flags import parse
from experiments.report.figures.flags import Flags, asked
from experiments.report.figures.flags import check as check_figures

if TYPE_CHECKING:
    from common.plan import Plan
    from experiments.reported import Source


@dataclass(frozen=True)
class _Options:
    """All but the figures'."""

    folders: Annotated[
        tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[DIR ...]")
    ] = (Path("results"),)
    """Folders of runs."""
    experiment: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: the last one)")
    ] = None
    """Which experiment of the folders."""
    output: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: in the first)")
    ] = None
    (
        "Where to write the page: in the first folder, under the experiment's name, if nothing is "
        "said."
    )
    tensorboard: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """Write event files that TensorBoard opens, the backends as runs that overlay."""
    open: bool = False
    """Show the page in the browser."""


@dataclass(frozen=True)
class Options(Flags, _Options):  # in the help the fields of the last come first
    """Make the page of stored runs again; several folders are put side by side."""


def run(options: Options) -> int:
    """Do what was asked; returns the exit status.

    Raises:
        UserError: What was asked cannot be done.
    """
    entry.check_memory()

    from experiments import destinations
    from experiments.loading import load
    from experiments.report import outputs

    figures = asked(options)
    outputs.check(figures, options.tensorboard)
    if options.output:
        destinations.check_file("--output", options.output)
    for folder in options.folders:
        _check_folder(folder)
    sources = [load(folder, options.experiment) for folder in options.folders]
    if figures:
        check_figures(figures, _plans(sources))
    page = options.output
    if not page:
        page = outputs.page_of(options.folders[0], sources[0].document.experiment)
        destinations.check_file("the page", page)
        destinations.check_name("the list of pages", outputs.list_of(options.folders[0]))
    folder = None if options.output else options.folders[0]
    also = {"figures": figures, "tensorboard": options.tensorboard, "opened": options.open}
    status = 0
    for said in outputs.write(sources, page, folder=folder, **also):
        if said.there:
            print(said.line)
        else:
            print(f"error: {said.line}", file=sys.stderr)
            status = 1
    return status


def _plans(sources: list[Source]) -> dict[str, list[Plan]]:
    """The plans of each configuration, of all folders."""
    found: dict[str, list[Plan]] = {}
    for source in sources:
        for name, of_name in source.entries.items():
            found.setdefault(name, []).append(of_name.plan)
    return found


def _check_folder(folder: Path) -> None:
    try:
        os.listdir(folder)
    except OSError as error:
        raise UserError(
            f"a folder must hold finished runs that can be read; received {folder}: "
            f"{error.strerror}; name another"
        ) from None


def main() -> None:
    """The command line."""
    sys.exit(entry.run(lambda: run(parse(Options, " ".join(entry.words("report"))))))


if __name__ == "__main__":
    main()
