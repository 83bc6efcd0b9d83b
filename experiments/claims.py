"""The claims of a textbook article on the vanishing gradient, tried in three frameworks: which hold, and on what condition.

    python -m experiments.claims              measure, and print the table; under 3 minutes on two cores
    python -m experiments.claims --write      the same, and write it to docs/claims.md

A verdict follows from what was measured, by criteria that stand beside the figures (experiments/claiming). Every network is run
by what runs `compare`, a worker process for each framework, and nothing is kept; what is said of a framework's own function is
asked of that function. Exit status: 0; 1 for a run that failed; 2 for a mistake in what was asked; and what ends every command
(experiments/entry.py).
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import os
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from backends import DEFINITION, FRAMEWORKS, NEEDS, missing
from common.errors import INSTALLED, UserError
from experiments import destinations, entry, streams
from experiments.compare import choose
from experiments.flags import parse, shown_as
from experiments.versions import ROOT, versions

if TYPE_CHECKING:
    from experiments.claiming.claim import Judged

PAGE = ROOT / "docs" / "claims.md"

PIPED = 150
"""The width of the table where there is no terminal and COLUMNS does not say otherwise."""


@dataclass(frozen=True)
class Options:
    """Try each claim of a textbook article in three frameworks: what was measured, whether it holds, and on what condition."""

    backends: Annotated[tuple[str, ...] | None, shown_as("NAME ...", "(default: all that are installed)")] = None
    """Of torch, keras, jax."""
    json: Annotated[str | None, shown_as("FILE|-")] = None
    """Write figures and verdicts as JSON; - is standard output, and nothing else."""
    write: bool = False
    """Write the page docs/claims.md too, of all three frameworks."""


def run(options: Options) -> int:
    """Do what was asked; returns the exit status.

    Raises:
        UserError: What was asked cannot be done.
        Failed: A framework's own functions could not be asked.
    """
    from rich.console import Console

    from experiments.claiming import networks, table
    from experiments.claiming.article import CLAIMS
    from experiments.claiming.claim import judge
    from experiments.claiming.measuring import evidence

    frameworks = _frameworks(options)
    _check(options)
    measured, failures = evidence(networks.plans(), frameworks, Console(stderr=True))
    found = [judge(claim, measured) for claim in CLAIMS]
    if options.json == "-":
        streams.say(table.document(found))
    else:
        _print(Console(highlight=False), found, frameworks)
    _write(options, found, frameworks)
    for name, outcome in failures.items():
        print(f"error: {name}: {outcome.reason}", file=sys.stderr)
    return int(bool(failures))


def _frameworks(options: Options) -> list[str]:
    """Those to measure in.

    Raises:
        UserError: There is none, or one that was asked for is not installed.
    """
    found = [name for name in choose(options.backends)[0] if name != DEFINITION]
    if not found:
        raise UserError(f"claims are tried in at least one of {', '.join(FRAMEWORKS)}; received none that is installed")
    return found


def _check(options: Options) -> None:
    """Refuse what could not be written, before anything is measured.

    Raises:
        UserError: It says why.
    """
    if options.json not in (None, "-"):
        destinations.check_file("--json", Path(options.json))
    if not options.write:
        return
    if INSTALLED:
        raise UserError("--write must be used in a clone of the project, whose page it writes")
    if options.backends or any(missing(name) for name in FRAMEWORKS):
        raise UserError(f"--write is for the figures of {', '.join(FRAMEWORKS)}; leave out --backends, and install all of them")
    destinations.check_file("--write", PAGE)


def _print(console: object, found: list[Judged], frameworks: list[str]) -> None:
    from rich.console import Console

    from experiments.claiming import table

    assert isinstance(console, Console)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPED
    console.print(table.shown(found, frameworks))


def _write(options: Options, found: list[Judged], frameworks: list[str]) -> None:
    from experiments.claiming import table

    if options.json not in (None, "-"):
        destinations.write(Path(options.json), table.document(found).encode())
    if options.write:
        destinations.write(PAGE, page(found, frameworks).encode())


def page(found: list[Judged], frameworks: list[str]) -> str:
    """The page of the claims: when, on what, and the table as it is printed."""
    from experiments.claiming import table

    of = {package: version for name in frameworks for package, version in versions(name).items() if package in NEEDS[name]}
    packages = ", ".join(f"{package} {version}" for package, version in of.items())
    return INTRODUCTION.format(date=date.today().isoformat(), packages=packages) + table.markdown(found, frameworks)


INTRODUCTION = """# The claims, tried

What a textbook article on the vanishing gradient says, and what three frameworks measure of it. Made by `python -m
experiments.claims --write` on {date}, with {packages}.

The networks are small ([networks.py](../experiments/claiming/networks.py)): where nothing else is said 20 hidden layers of 64
units on handwritten digits, sigmoid with Xavier's weights, two seeds; SGD, 200 steps. "A factor" is what a layer makes of the
gradient on its way back, at the start; between 0.79 and 1.27 something is left of it over 30 layers: more than a thousandth,
and less than a thousand times as much. Behind ± stands the standard error, of an accuracy that of the test samples, or that
of the seeds where it is larger. A figure nearer to its bound than two of them decides nothing ("?"). A claim holds where all its
cases are so, and with a condition where some are; what was measured beside it decides nothing.

"""


def _main() -> int:
    return run(parse(Options, " ".join(entry.words("claims"))))


def main() -> None:
    """The command line."""
    sys.exit(entry.run(_main))


if __name__ == "__main__":
    main()
