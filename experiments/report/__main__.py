"""The page again, from runs that are there: of one folder, or of several side by side (two machines, precisions, versions).

    python -m experiments.report                          of results/
    python -m experiments.report here/ there/ --output both.html

It imports no framework and runs nothing.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from common.errors import UserError
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


def run(options: Options) -> None:
    """Do what was asked.

    Raises:
        UserError: What was asked cannot be done.
    """
    from experiments import index
    from experiments.report.outputs import page_of, write

    if options.tensorboard:
        from experiments.report.tensorboard import check

        check()
    for folder in options.folders:
        _check_folder(folder)
    sources = [index.load(folder, options.experiment) for folder in options.folders]
    page = options.output or page_of(options.folders[0], sources[0].document)
    for line in write(sources, page, figures=options.figures, tensorboard=options.tensorboard, opened=options.open):
        print(line)


def _check_folder(folder: Path) -> None:
    try:
        os.listdir(folder)
    except OSError as error:
        raise UserError(f"a folder of runs must be one that can be read; received {folder}: {error.strerror}") from None


def main() -> None:
    """The command line."""
    try:
        run(parse(Options, "python -m experiments.report"))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
