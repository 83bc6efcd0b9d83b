"""Where does your own model's gradient vanish, what is the likely cause, and which line changes it?

    python -m experiments.diagnose torch=mine.py
    python -m experiments.diagnose keras=mine.py --data mine.npz
    python -m experiments.diagnose torch=mine.py --data mine.npz --steps 200

The first takes the file's batch() and, if it has one, its loss(); the second the first batch of a
file with x and y; the third trains the model with its optimizer(), and follows it.

The file defines model(), which returns it, and if you want loss(output, y), optimizer(model),
batch() and, in PyTorch, clip(model), which is called between backward and step. It runs in a
process of its own. docs/own-models.md says more.

Exit status: 0 when the diagnosis is made, whatever it says; 1 when the model raised or what it
computes is not finite; 2 for a mistake in what was asked.
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from common.errors import UserError
from experiments import destinations, entry, streams
from experiments.flags import parse, shown_as

if TYPE_CHECKING:
    from experiments.own.diagnosis import Diagnosis
    from experiments.own.given import Given


@dataclass(frozen=True)
class Options:
    """Where does the gradient of your own model vanish, what is the likely cause, and which line
    changes it?
    """  # noqa: D205

    models: Annotated[tuple[str, ...], tyro.conf.Positional, shown_as("BACKEND=FILE.py ...")]
    (
        "A file that defines model(), and its framework: torch=mine.py; keras=mine.py:small names "
        "another function."
    )
    data: Annotated[str | None, shown_as("FILE.npz", "(default: the file's batch())")] = None
    """x [samples, ...] and y [samples, ...], as the model takes them."""
    steps: int = 0
    """Steps of its own optimizer, with --data on batches of the training set."""
    batch_size: int = 32
    """Samples in a batch of --data."""
    seed: int = 0
    """Of the batches, and of a model whose weights are drawn by us (linen)."""
    precision: Annotated[
        Literal["float32", "float64"] | None,
        shown_as("float32|float64", "(default: the model's own)"),
    ] = None
    """What the model computes in."""
    evaluate: bool = False
    """In evaluation mode: batch norm by its running statistics."""
    python: Annotated[tuple[str, ...], shown_as("BACKEND=PATH ...")] = ()
    """Another interpreter for a framework, in an environment of its own."""
    json: Annotated[str | None, shown_as("FILE|-")] = None
    (
        "Write the diagnosis as JSON (experiments/own/diagnosis.py has the fields); - is standard "
        "output, and nothing else."
    )
    page: Annotated[Path | None, shown_as("FILE.html")] = None
    """Write a page with all of it: one file to open anywhere."""
    save: Annotated[Path | None, shown_as("FILE.capture")] = None
    """Keep what was captured, values and all, to diagnose or port it elsewhere."""


def run(options: Options, command: str) -> int:
    """Do what was asked; returns the exit status."""
    from experiments.own import given as names

    _check(options)
    pythons = names.pythons(options.python)
    found = [
        _diagnosed(one, options, pythons, command) for one in names.given(options.models, pythons)
    ]
    _report(found, options)
    return int(any(one.gradient.verdict == "non-finite" for one in found))


def _check(options: Options) -> None:
    if not options.models:
        raise UserError(
            "a model must be given as BACKEND=FILE.py; received none; write torch=mine.py, for "
            "example"
        )
    if options.steps < 0:
        raise UserError(
            f"--steps must not be negative; received {options.steps}; leave it out to train nothing"
        )
    if options.batch_size < 1:
        raise UserError(f"--batch-size must be at least 1; received {options.batch_size}")
    json = None if options.json in (None, "-") else Path(options.json or "")
    for flag, path in (("--json", json), ("--page", options.page), ("--save", options.save)):
        if path:
            destinations.check_file(flag, path)
    for flag, path in (("--page", options.page), ("--save", options.save)):
        if path and len(options.models) > 1:
            raise UserError(f"{flag} is of one model; received {len(options.models)}; name one")


def _diagnosed(one: Given, options: Options, pythons: dict[str, str], command: str) -> Diagnosis:
    from experiments.own.diagnose import Asked, of_capture, of_model

    if one.captured:
        return of_capture(one, command)
    asked = Asked(
        options.data,
        options.steps,
        options.batch_size,
        options.seed,
        options.precision,
        options.evaluate,
    )
    return of_model(one, asked, pythons.get(one.backend), command, options.save)


def _report(found: list[Diagnosis], options: Options) -> None:
    from rich.console import Console

    from experiments.own.spoken import show
    from experiments.whole import write_whole

    text = "\n".join(one.to_json() for one in found) if len(found) == 1 else _list(found)
    if options.page:
        from experiments.own.page import page_of_diagnosis

        write_whole(options.page, page_of_diagnosis(found[0]).encode(errors="replace"))
    if options.json == "-":
        streams.say(text)
        return
    if options.json:
        write_whole(Path(options.json), text.encode())
    console = Console(highlight=False)
    for one in found:
        show(one, console)


def _list(found: list[Diagnosis]) -> str:
    return "[" + ",\n".join(one.to_json() for one in found) + "]"


def _main() -> int:
    return run(parse(Options, " ".join(entry.words("diagnose"))), entry.command("diagnose"))


def main() -> None:
    """The command line."""
    sys.exit(entry.run(_main))


if __name__ == "__main__":
    main()
