"""The ledger of differences.

What the frameworks ship under one name, what it does, and the line that makes them equal.

    python -m experiments.differences              all of them, what does most first
    python -m experiments.differences momentum     those that a word is about
    python -m experiments.differences --json -     as JSON
    python -m experiments.differences --measure    measures all effects again

A word may be any framework's name or argument. Effects go into experiments/ledger/effects.json.
Without --measure no framework is imported. Exit status: 0, or 2 where no difference is about the
word; and what ends every command (experiments/entry.py).
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated, Any

import tyro
from rich.console import Console

from backends import FRAMEWORKS
from common.errors import INSTALLED, Failed, UserError
from experiments import children, destinations, entry
from experiments.flags import parse
from experiments.ledger import Difference, effects, finding
from experiments.process import environment
from experiments.report import piped
from experiments.report.differences import answer, listed

PIPED = 128
"""The width where there is no terminal and COLUMNS does not say otherwise."""


@dataclass(frozen=True)
class Options:
    """Print what differs between PyTorch, Keras and JAX under one name, what that does, and what
    makes them equal.
    """  # noqa: D205

    word: Annotated[
        str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[WORD]", help_behavior_hint="")
    ] = None
    (
        "Any framework's name or argument, or words: epsilon, BatchNorm1d, "
        '"weight decay"; without it all are listed.'
    )
    json: bool = False
    """Print JSON."""
    measure: bool = False
    """Measure the effects again; takes half an hour."""


def document(differences: list[Difference]) -> str:
    """The differences as JSON, with their measured effects."""
    found = []
    for each in differences:
        measured = {
            framework: asdict(effect)
            for framework, effect in effects.measured().get(each.name, {}).items()
        }
        found.append({**each.model_dump(by_alias=True), "effects": measured})
    return json.dumps(found, indent=1)


def measure(console: Console) -> None:
    """Measure all effects, a framework after the other, and keep them."""
    if INSTALLED:
        raise UserError("--measure must be used in a clone of the project, whose file it writes")
    destinations.check_file("--measure", effects.MEASURED)
    apart = {}
    for framework in FRAMEWORKS:
        apart[framework] = measured_in(framework)
        console.print(f"{framework}: numbers of {len(apart[framework])} differences")

    def in_the_network(framework: str, names: list[str]) -> Any:
        console.print(f"{framework}: {len(names)} differences in the deep network")
        return measured_in(framework, names)

    found = effects.assembled(apart, in_the_network)
    kept = {"measured": date.today().isoformat(), "versions": effects.versions(), "effects": found}
    destinations.write(effects.MEASURED, (json.dumps(kept, indent=1) + "\n").encode())


def measured_in(framework: str, names: Sequence[str] = ()) -> Any:
    """What a process of one framework measures (experiments/ledger/effects.py).

    Raises:
        Failed: It ended otherwise.
    """
    command = [sys.executable, "-P", "-m", "experiments.ledger.effects", framework, *names]
    ran = children.ask(command, env=environment(threads=1))
    if ran.returncode:
        raise Failed(f"{framework}: {children.last_word(ran)}")
    return json.loads(ran.stdout)


def run(options: Options, console: Console) -> None:
    """Do what the options ask for.

    Raises:
        UserError: No difference is about the word.
    """
    if options.measure:
        measure(console)
        return
    differences = finding.found(options.word) if options.word else effects.by_effect()
    if options.json:
        console.out(document(differences), highlight=False)
    elif options.word is None:
        listed(console, differences)
        console.print("python -m experiments.differences NAME prints one of them with its cure.")
    else:
        answer(console, differences)


def _main() -> int:
    run(parse(Options, " ".join(entry.words("differences"))), piped.console(PIPED))
    return 0


def main() -> None:
    """The command line."""
    if status := entry.run(_main):
        sys.exit(status)


if __name__ == "__main__":
    main()
