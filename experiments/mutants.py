"""Does the suite see a fault, and does it say where?

Each fault is planted in each wing, and the tests that concern it are run.

    python -m experiments.mutants                        every fault in every wing: an hour or more
    python -m experiments.mutants torch --fault norm     those of PyTorch with `norm` in their names
    python -m experiments.mutants --write                the table of all, into docs/mutants.md

The faults are those of tests/faults/: what goes wrong in a room of ours, and each room's difference
of the ledger, what the framework ships in place of the faithful form. Where a process ends before
its last fault, the others go on, and no page is written. It needs a clone of the project, where its
tests are. Exit status: 0; 1 where a fault is missed, or a process ended; 2 for a mistake in what
was asked; and what ends every command (experiments/entry.py).
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from backends import FRAMEWORKS
from common.errors import INSTALLED, UserError, nearest, shown
from experiments import entry
from experiments.flags import parse, shown_as

ROOT = Path(__file__).parents[1]
BATCH = 8
"""Faults that share a process: what it compiles and collects for each stays in its memory, and it
takes seconds to start."""

Told = dict[str, Any]
"""What became of a fault: wing, fault, sign, test, message (tests/caught.py)."""


@dataclass(frozen=True)
class Options:
    """Plant each fault in each wing, and tell which test sees it, and whether that names the
    place.
    """  # noqa: D205

    wings: Annotated[
        tuple[str, ...], tyro.conf.Positional, shown_as("WING ...", "(default: all)")
    ] = ()
    """torch, keras, jax."""
    fault: Annotated[str, shown_as("TEXT", "(default: all)")] = ""
    """Only faults with this in their names."""
    write: bool = False
    """Write docs/mutants.md."""


def run(options: Options) -> int:
    """Do what was asked; returns the exit status.

    Raises:
        UserError: What was asked cannot be done.
    """
    if INSTALLED:
        raise UserError(
            "mutants must be run in a clone of the project, where its tests are; received an "
            "installed one"
        )
    for wing in options.wings:
        if wing not in FRAMEWORKS:
            raise UserError(
                f"a wing must be one of {', '.join(FRAMEWORKS)}; received "
                f"{shown(wing)}{nearest(wing, FRAMEWORKS)}"
            )
    batches = [
        (wing, names)
        for wing in options.wings or FRAMEWORKS
        for names in _batches(wing, options.fault)
    ]
    if not batches:
        raise UserError(
            f"--fault must be in the name of a fault; received {shown(options.fault)}; leave it "
            "out for all"
        )
    found: list[Told] = []
    ended = False
    for wing, names in batches:
        try:
            for told in _planted(wing, names):
                print(sentence(told), flush=True)
                found.append(told)
        except ChildProcessError as error:
            print(f"error: {error}", file=sys.stderr)
            ended = True
    for line in counts(found):
        print(line)
    if options.write and not ended:
        from experiments import destinations

        destinations.write(ROOT / "docs" / "mutants.md", page(found).encode())
    return int(ended or any(told["sign"] == "missed" for told in found))


def _batches(wing: str, text: str) -> Iterator[list[str]]:
    """The names of the faults of a wing with this text in them, those of a process together."""
    from tests.faults import KINDS, SHIPPED

    names = [
        fault.name for fault in (*SHIPPED, *KINDS) if wing in fault.wings and text in fault.name
    ]
    return (names[start : start + BATCH] for start in range(0, len(names), BATCH))


def _planted(wing: str, names: Sequence[str]) -> Iterator[Told]:
    """Each of these faults of a wing as soon as it is known, from a process of its own.

    Raises:
        ChildProcessError: The process ended before its last fault.
    """
    from experiments import children
    from experiments.process import environment

    line = [sys.executable, "-m", "tests.caught", wing, *names]
    process = children.start(line, cwd=ROOT, env=environment(1), stdout=subprocess.PIPE, text=True)
    left = list(names)
    try:
        assert process.stdout
        with process.stdout as lines:
            for told in map(json.loads, lines):
                left.remove(told["fault"])
                yield told
        process.wait()
    finally:
        children.kill(process)
    if process.returncode:
        why = (
            f"the process of {wing} ended with status {process.returncode}; its last words are "
            "above"
        )
        raise ChildProcessError(f"{why}; not known: {'; '.join(left)}")


def sentence(told: Told) -> str:
    """What is told of a fault."""
    where = f": {told['test']}: {told['message']}" if told["test"] else ""
    return f"{told['wing']}: {told['fault']}: {told['sign']}{where}"


def counts(found: Iterable[Told]) -> Iterator[str]:
    """For each wing how many were caught, and how many by a failure that names the place."""
    signs: dict[str, Counter[str]] = {}
    for told in found:
        signs.setdefault(told["wing"], Counter())[told["sign"]] += 1
    for wing, counted in signs.items():
        caught = counted["named"] + counted["caught"]
        yield (
            f"{wing}: of {counted.total()} faults {caught} are caught, {counted['named']} by a "
            "failure that names the place."
        )


def page(found: list[Told]) -> str:
    """The text of docs/mutants.md."""
    wings = list(dict.fromkeys(told["wing"] for told in found))
    signs = {(told["fault"], told["wing"]): told["sign"] for told in found}
    rows = [
        f"| {fault} | {' | '.join(signs.get((fault, wing), '-') for wing in wings)} |"
        for fault in dict.fromkeys(told["fault"] for told in found)
    ]
    head = [f"| fault | {' | '.join(wings)} |", f"|---|{'---|' * len(wings)}"]
    said = (
        "named: a failing test names the place; caught: one fails that does not; missed: none "
        "fails; -: not planted there."
    )
    title = [
        "# Faults that are planted in the wings, and whether the suite sees them",
        "",
        *counts(found),
        "",
        said,
    ]
    made = "Made by `python -m experiments.mutants --write`; the faults are in tests/faults/."
    return "\n".join([*title, "", made, "", *head, *rows, ""])


def _main() -> int:
    return run(parse(Options, " ".join(entry.words("mutants"))))


def main() -> None:
    """The command line."""
    sys.exit(entry.run(_main))


if __name__ == "__main__":
    main()
