"""The claims of a textbook article on the vanishing gradient, tried in three frameworks.

Which hold, and on what condition.

    python -m experiments.claims          measure, and print the table: under 3 minutes on two cores
    python -m experiments.claims --write  the same, and write it to docs/claims.md

A verdict follows from what was measured, by criteria that stand beside the figures
(experiments/claiming). Every network is run by what runs `compare`, a worker process for each
framework, and nothing is kept; what is said of a framework's own function is asked of that
function. Exit status: 0; 1 for a run that failed, or a function that could not be asked; 2 for a
mistake in what was asked; and what ends every command (experiments/entry.py).
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console

from backends import DEFINITION, FRAMEWORKS, missing
from common.errors import INSTALLED, UserError
from experiments import destinations, entry, streams
from experiments.comparing.choice import choose
from experiments.flags import parse, shown_as

if TYPE_CHECKING:
    from experiments.claiming.claim import Judged

PIPED = 160
"""The width of the table where there is no terminal and COLUMNS does not say otherwise."""


@dataclass(frozen=True)
class Options:
    """Try each claim of a textbook article in three frameworks: what was measured, whether it
    holds, and on what condition.
    """  # noqa: D205

    backends: Annotated[
        tuple[str, ...] | None, shown_as("NAME ...", "(default: all that are installed)")
    ] = None
    """Of torch, keras, jax."""
    json: Annotated[str | None, tyro.conf.arg(metavar="FILE|-", help_behavior_hint="")] = None
    """Write figures and verdicts as JSON; - is standard output, and nothing else."""
    write: bool = False
    """Write docs/claims.md too, with the figures of all three frameworks."""


def run(options: Options) -> int:
    """Do what was asked; returns the exit status.

    Raises:
        UserError: What was asked cannot be done.
    """
    frameworks = _frameworks(options)
    _check_destinations(options)
    entry.check_memory()

    from experiments.claiming import networks
    from experiments.claiming.article import CLAIMS
    from experiments.claiming.claim import judge
    from experiments.claiming.measuring import evidence

    measured, failed = evidence(networks.plans(), frameworks, Console(stderr=True))
    _report(options, [judge(claim, measured) for claim in CLAIMS], frameworks)
    for reason in failed:
        print(f"error: {reason}", file=sys.stderr)
    return int(bool(failed))


def _frameworks(options: Options) -> list[str]:
    """Those to measure in.

    Raises:
        UserError: There is none, or one that was asked for is not installed.
    """
    found = [name for name in choose(options.backends)[0] if name != DEFINITION]
    if not found:
        raise UserError(
            f"--backends must name one of {', '.join(FRAMEWORKS)}, installed; received none"
        )
    return found


def _check_destinations(options: Options) -> None:
    """Refuse what could not be written, before anything is measured.

    Raises:
        UserError: It says why.
    """
    if options.json not in (None, "-"):
        destinations.check_file("--json", Path(options.json))
    if not options.write:
        return
    if INSTALLED:
        raise UserError(
            "--write must be used in a clone of the project, whose page it writes; use --json"
        )
    if options.backends or any(missing(name) for name in FRAMEWORKS):
        raise UserError(
            f"--write must have all of {', '.join(FRAMEWORKS)}; leave out --backends, and install "
            "them"
        )

    from experiments.claiming import page

    destinations.check_file("--write", page.PLACE)


def _report(options: Options, found: Sequence[Judged], frameworks: Sequence[str]) -> None:
    """Print the table, and write what was asked for."""
    from experiments.claiming import networks, page, table
    from experiments.report import piped

    if options.json == "-":
        streams.say(table.document(found, page.packages(frameworks)))
    else:
        piped.console(PIPED).print(table.shown(found, frameworks))
    if options.json not in (None, "-"):
        destinations.write(
            Path(options.json), table.document(found, page.packages(frameworks)).encode()
        )
    if options.write:
        destinations.write(
            page.PLACE, page.page(found, frameworks, networks.STEPS, networks.SEEDS).encode()
        )


def _main() -> int:
    return run(parse(Options, " ".join(entry.words("claims"))))


def main() -> None:
    """The command line."""
    sys.exit(entry.run(_main))


if __name__ == "__main__":
    main()
