"""The ledger of differences: what the frameworks ship under one name, what it does, and the line that makes them equal.

    python -m experiments.differences                  all of them, what does most first
    python -m experiments.differences momentum         those that a word is about, by any framework's name or argument
    python -m experiments.differences --json -         as JSON
    python -m experiments.differences --measure        measures all effects again, into experiments/ledger/effects.json

Without --measure no framework is imported. Exit status: 0, or 2 where no difference is about the word; and what ends every
command (experiments/entry.py).
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated, Any

import tyro
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backends import FRAMEWORKS
from common.errors import INSTALLED, Failed, UserError
from experiments import destinations, entry
from experiments.flags import parse
from experiments.ledger import Difference, effects, finding

PIPED = 128
"""The width where there is no terminal and COLUMNS does not say otherwise."""

READABLE = 110
"""The width of a paragraph, however wide the terminal."""

MOST_TOLD = 3
"""So many differences are printed whole."""

TITLES = {"torch": "PyTorch", "keras": "Keras", "jax": "JAX"}


@dataclass(frozen=True)
class Options:
    """Print what differs between PyTorch, Keras and JAX under one name, what that does, and what makes them equal."""

    word: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[WORD]", help_behavior_hint="")] = None
    """Any framework's name or argument, or words: epsilon, BatchNorm1d, "weight decay"; without it all are listed."""
    json: bool = False
    """Print JSON."""
    measure: bool = False
    """Measure the effects again; takes half an hour."""


def listed(console: Console, differences: list[Difference]) -> None:
    """Print a table of differences, a line each."""
    table = Table(box=box.SIMPLE, pad_edge=False, header_style="bold")
    table.add_column("difference", overflow="fold")
    for title in TITLES.values():
        table.add_column(title, overflow="fold")
    table.add_column("what it does", overflow="fold")
    for each in differences:
        shipped = [Text(shown(each.shipped.of(framework).value)) for framework in FRAMEWORKS]
        table.add_row(each.name, *shipped, what_it_does(each))
    console.print(table)
    console.print("python -m experiments.differences NAME prints one of them with its cure.")


def shown(value: Any) -> str:
    """A shipped value in few letters."""
    match value:
        case float():
            return f"{value:.4g}"
        case list():
            return ", ".join(map(shown, value))
        case dict():
            return ", ".join(f"{name} {shown(one)}" for name, one in value.items())
        case _:
            return str(value)


def what_it_does(difference: Difference) -> str:
    """The largest measured effect, in words."""
    found = effects.measured().get(difference.name, {})
    if not found:
        return "not measured"
    framework, effect = max(found.items(), key=lambda pair: pair[1].size)
    if effect.native and effect.cured and max(effect.size[:2]):
        return f"{in_the_network(effect)} in {TITLES[framework]}"
    return f"{amount(effect.apart)} of the numbers in {TITLES[framework]}"


def in_the_network(effect: effects.Effect) -> str:
    """What it does to the deep network: from the shipped form to the cure."""
    assert effect.native
    assert effect.cured
    accuracy = f"accuracy {effect.native.accuracy:.2f}, cured {effect.cured.accuracy:.2f}"
    decay = f"{effect.native.decay_per_layer:+.3f} decades a layer, cured {effect.cured.decay_per_layer:+.3f}"
    if effect.size[0] and effect.size[1]:
        return f"{accuracy}; {decay}"
    return accuracy if effect.size[0] else decay


def amount(apart: float) -> str:
    """A share of the largest number."""
    if not apart < 1e9:
        return "all"
    return f"{apart:.1e}" if apart < 1e-3 else f"{apart:.2g}"


def told(console: Console, difference: Difference) -> None:
    """Print one difference whole."""
    console.print(Text(difference.question, style="bold"), width=min(console.width, READABLE))
    console.print(Text(f"{difference.surprised}\n"), width=min(console.width, READABLE))
    table = Table(box=box.SIMPLE, pad_edge=False, header_style="bold", show_lines=False)
    for heading in ("", *TITLES.values()):
        table.add_column(heading, overflow="fold")
    table.add_row("ships", *(Text(shown(difference.shipped.of(framework).value)) for framework in FRAMEWORKS))
    table.add_row("read by", *(Text(difference.shipped.of(framework).of, style="dim") for framework in FRAMEWORKS))
    console.print(table)
    for form, heading in (("native", "As it is written"), ("cured", "Equal in all three")):
        console.print(Text(heading, style="bold"))
        for framework in FRAMEWORKS:
            line = getattr(difference.trial, form).of(framework).strip()
            console.print(Text(f"  {TITLES[framework]:<8} {line.replace(chr(10), chr(10) + ' ' * 11)}"), soft_wrap=True)
    if difference.mapping:
        console.print(Text(f"\n{difference.mapping}"), width=min(console.width, READABLE))
    console.print(Text(f"\nWhat it does: {what_it_does(difference)}."), width=min(console.width, READABLE))
    console.print(Text(f"Source: {'; '.join(difference.source)}\n", style="dim"), width=min(console.width, READABLE))


def document(differences: list[Difference]) -> str:
    """The differences as JSON, with their measured effects."""
    found = []
    for each in differences:
        measured = {framework: asdict(effect) for framework, effect in effects.measured().get(each.name, {}).items()}
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
    command = [sys.executable, "-m", "experiments.ledger.effects", framework, *names]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise Failed(f"{framework}: {ran.stderr.strip().splitlines()[-1]}")
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
    else:
        answer(console, differences)


def answer(console: Console, differences: list[Difference]) -> None:
    """Print the nearest differences whole, and the names of the others."""
    for each in differences[:MOST_TOLD]:
        told(console, each)
    if others := [each.name for each in differences[MOST_TOLD:]]:
        console.print(f"Also: {', '.join(others)}")


def _main() -> int:
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPED
    run(parse(Options, " ".join(entry.words("differences"))), console)
    return 0


def main() -> None:
    """The command line."""
    if status := entry.run(_main):
        sys.exit(status)


if __name__ == "__main__":
    main()
