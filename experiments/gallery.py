"""Every experiment of the catalogue in a figure and a sentence: docs/gallery.md and its pictures.

    python -m experiments.gallery             what the page says of each, from the runs in results/
    python -m experiments.gallery --write     the same, and write it to docs/

A figure is made by the command that stands beside it; what is not in the store yet is run. The
definition runs alone, which decides all that is said here, in 15 minutes on two cores. Exit status:
0, or 2 for a mistake in what was asked; and what ends every command (experiments/entry.py).
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from common.errors import INSTALLED, UserError
from experiments import entry
from experiments.flags import parse, shown_as

if TYPE_CHECKING:
    from experiments.report.gallery import Shown

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Options:
    """Show each experiment of the catalogue in one figure and one sentence."""

    output: Annotated[Path, shown_as("DIR")] = Path("results")
    """Where runs are kept. A run that is there already is not run again."""
    write: bool = False
    """Write docs/gallery.md and its pictures."""


def run(options: Options) -> int:
    """Do what was asked; returns the exit status.

    Raises:
        UserError: What was asked cannot be done.
    """
    if options.write and INSTALLED:
        raise UserError(
            "--write must be used in a clone of the project, whose page it writes; leave it out"
        )
    entry.check_memory()

    from experiments import destinations
    from experiments.report import outputs
    from experiments.report.gallery import page, show
    from experiments.report.pictures import PICTURES

    outputs.check_packages("the gallery")
    destinations.check_folder("--output", options.output)
    found: list[Shown] = []
    for picture in PICTURES:
        one = show(picture, options.output)
        found.append(one)
        print(f"{one.name}: {one.sentence}")
        if options.write:
            for path in one.paths:
                path.parent.mkdir(parents=True, exist_ok=True)
                destinations.write(path, one.png)
    if options.write:
        destinations.write(ROOT / "docs" / "gallery.md", page(found).encode())
    return 0


def _main() -> int:
    return run(parse(Options, " ".join(entry.words("gallery"))))


def main() -> None:
    """The command line."""
    sys.exit(entry.run(_main))


if __name__ == "__main__":
    main()
