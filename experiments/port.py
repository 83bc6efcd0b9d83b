"""Does your port compute the same as your model?

Where do they part first, why, and which line mends it?

    python -m experiments.port torch=mine_torch.py keras=mine_keras.py   batch() of the first file
    python -m experiments.port torch=mine_torch.py jax=mine_flax.py --data mine.npz
    python -m experiments.port torch=mine_torch.py --save mine.capture   collect here ...
    python -m experiments.port mine.capture keras=mine_keras.py          ... compare there

The first is the reference. Each file defines model(), and if you want loss(output, y),
optimizer(model), batch(), inputs(x) for another layout of x and, in PyTorch, clip(model). Each runs
in a process of its own; docs/ports.md says more.

Exit status: 0 where all agrees; 1 where they part, or a model raised; 2 for a mistake in what was
asked.
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from common.errors import UserError, shown
from experiments import destinations, entry, streams
from experiments.flags import parse, shown_as

if TYPE_CHECKING:
    from experiments.own.port_document import Port


@dataclass(frozen=True)
class Options:
    """Does your port compute the same as your model: where do they part first, why, and which line
    mends it?
    """  # noqa: D205

    models: Annotated[tuple[str, ...], tyro.conf.Positional, shown_as("BACKEND=FILE.py ...")]
    (
        "The reference, then its ports: torch=mine.py, keras=mine.py:small for another function, "
        "or a .capture that was kept."
    )
    data: Annotated[str | None, shown_as("FILE.npz", "(default: the reference's batch())")] = None
    """x and y, in the reference's layout."""
    samples: int = 8
    """So many samples of the batch are compared; batch norm needs more than one."""
    steps: int = 3
    """Steps of the optimizers, where both files have one."""
    evaluate: bool = False
    """In evaluation mode: batch norm by its running statistics."""
    seed: int = 0
    """Of a reference whose weights are drawn by us (linen)."""
    map: Annotated[tuple[str, ...], shown_as("PATH=PATH ...")] = ()
    (
        "Layers that are each other's counterparts, where they are not found: the reference's "
        "path, then the port's."
    )
    python: Annotated[tuple[str, ...], shown_as("BACKEND=PATH ...")] = ()
    """Another interpreter for a framework, in an environment of its own."""
    json: Annotated[str | None, shown_as("FILE|-")] = None
    (
        "Write the comparison as JSON (experiments/own/port_document.py has the fields); - is "
        "standard output, nothing else."
    )
    page: Annotated[Path | None, shown_as("FILE.html")] = None
    """Write a page with all of it: one file to open anywhere."""
    save: Annotated[Path | None, shown_as("FILE.capture")] = None
    (
        "Keep what was captured of the reference, to compare a port with it where its framework is "
        "not installed."
    )


def run(options: Options, command: str) -> int:
    """Do what was asked; returns the exit status."""
    from experiments.own import given as names
    from experiments.own.held import Asked, port_of, reference_of

    _check(options)
    pythons = names.pythons(options.python)
    reference, *ports = names.given(options.models, pythons)
    captured = any(one.captured for one in ports)
    if captured:
        raise UserError(
            "a port must be a model that runs; received a capture; the reference may be one, and "
            "comes first"
        )
    asked = Asked(
        options.data,
        options.samples,
        options.steps,
        options.evaluate,
        options.seed,
        options.map,
        options.save,
    )
    known = reference_of(reference, asked, pythons.get(reference.backend))
    found = [
        port_of(reference, known, one, asked, pythons.get(one.backend), command) for one in ports
    ]
    if found:
        _report(found, options)
    return int(not all(one.ok for one in found))


def _check(options: Options) -> None:
    if len(options.models) < 2 and not options.save:
        count = len(options.models)
        raise UserError(
            f"a reference and a port must be given; received {count}; or keep the reference with "
            "--save"
        )
    for flag, value, least in (("--samples", options.samples, 1), ("--steps", options.steps, 0)):
        if value < least:
            raise UserError(f"{flag} must be at least {least}; received {value}")
    for word in options.map:
        if word.count("=") != 1:
            raise UserError(
                f"--map must be PATH=PATH, the reference's and the port's; received {shown(word)}"
            )
    json = None if options.json in (None, "-") else Path(options.json or "")
    for flag, path in (("--json", json), ("--page", options.page), ("--save", options.save)):
        if path:
            destinations.check_file(flag, path)
    if options.page and len(options.models) > 2:
        raise UserError(f"--page is of one port; received {len(options.models) - 1}; name one")


def _report(found: list[Port], options: Options) -> None:
    from rich.console import Console

    from experiments.own.port_spoken import show
    from experiments.whole import write_whole

    text = (
        found[0].to_json()
        if len(found) == 1
        else "[" + ",\n".join(one.to_json() for one in found) + "]"
    )
    if options.page:
        from experiments.own.page import page_of_port

        write_whole(options.page, page_of_port(found[0]).encode(errors="replace"))
    if options.json == "-":
        streams.say(text)
        return
    if options.json:
        write_whole(Path(options.json), text.encode())
    console = Console(highlight=False)
    for one in found:
        show(one, console)


def _main() -> int:
    return run(parse(Options, " ".join(entry.words("port"))), entry.command("port"))


def main() -> None:
    """The command line."""
    sys.exit(entry.run(_main))


if __name__ == "__main__":
    main()
