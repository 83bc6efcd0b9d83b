r"""Weights from one framework into another: parameters, statistics, and what an optimiser keeps.

    python -m experiments.convert --from torch --to keras mine.safetensors theirs.safetensors
    python -m experiments.convert --from torch --to jax mine.safetensors theirs.safetensors \
        --like model.safetensors

Files are safetensors with the frameworks' own names; docs/convert.md has the lines that save and
load them. No framework is imported, nothing is unpickled, and the new file is there whole or not at
all.

Exit status: 0, or 2 where the file or what was asked is wrong; and what ends every command
(experiments/entry.py).
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from common.errors import UserError, shown
from common.tensors import dumped
from common.text import escaped
from experiments import destinations, entry, streams
from experiments.converting import files
from experiments.converting.asked import Asked, Converted
from experiments.converting.conversion import convert
from experiments.converting.laws import Framework
from experiments.flags import parse, shown_as


@dataclass(frozen=True)
class Options:
    """Carry weights from one framework into another: parameters, batch-norm statistics, and what an
    optimiser keeps.
    """  # noqa: D205

    files: Annotated[tuple[Path, ...], tyro.conf.Positional, shown_as("IN OUT")] = ()
    """The file that is read, and the one that is written: safetensors."""
    source: Annotated[
        Framework | None,
        tyro.conf.arg(name="from", metavar="torch|keras|jax", help_behavior_hint="(required)"),
    ] = None
    """Whose names and layouts IN has."""
    to: Annotated[Framework | None, shown_as("torch|keras|jax", "(required)")] = None
    """Whose names and layouts OUT gets."""
    like: Annotated[Path | None, shown_as("FILE", "(default: layers keep their names)")] = None
    (
        "A file that was saved from the model that the weights are for: OUT gets its names, so "
        "that it loads straight in."
    )
    kind: Annotated[tuple[str, ...], shown_as("LAYER=KIND ...")] = ()
    (
        "What a layer is, where its names and shapes do not say it: 0=embedding, 3=prelu, "
        "3=rms_norm, 3=layer_norm."
    )
    heads: Annotated[int | None, shown_as("K", "(default: --like's)")] = None
    """Of PyTorch's attentions, whose shapes do not say it."""
    learning_rate: Annotated[float | None, shown_as("FLOAT", "(default: the file's)")] = None
    """Of SGD with momentum, to or from Keras, whose velocity holds it."""
    frozen: Annotated[tuple[str, ...], shown_as("LAYER ...")] = ()
    """Layers that were not trained, of which the optimiser keeps nothing."""


def run(options: Options) -> None:
    """Do what was asked.

    Raises:
        UserError: A file or a flag is wrong; nothing is written.
    """
    asked = _asked(options)
    given, destination = _files(options)
    found = convert(files.read(given), files.read(options.like) if options.like else None, asked)
    destinations.write(destination, dumped(found.arrays, found.metadata))
    for line in _said(found, destination):
        streams.say(escaped(line))


def _asked(options: Options) -> Asked:
    source, target = options.source, options.to
    if source is None or target is None:
        lacking = "--from" if source is None else "--to"
        raise UserError(
            f"{lacking} must say whose file it is: torch, keras or jax; received none; --help "
            "shows the flags"
        )
    if source == target:
        raise UserError(f"--from and --to must differ; received {target} twice")
    for flag, value in (("--heads", options.heads), ("--learning-rate", options.learning_rate)):
        if value is not None and not 0 < value < float("inf"):
            raise UserError(f"{flag} must be above 0; received {value}")
    return Asked(
        source,
        target,
        _kinds(options.kind),
        options.heads,
        options.learning_rate,
        frozenset(options.frozen),
    )


def _files(options: Options) -> tuple[Path, Path]:
    if len(options.files) != 2:
        raise UserError(
            f"two files must be given, IN and OUT; received {len(options.files)}; --help shows "
            "the flags"
        )
    given, destination = options.files
    destinations.check_file("OUT", destination)
    return given, destination


def _kinds(words: tuple[str, ...]) -> dict[str, str]:
    for word in words:
        if word.count("=") != 1:
            raise UserError(
                f"--kind must be LAYER=KIND; received {shown(word)}; write it as in 0=embedding"
            )
    return dict(word.split("=") for word in words)


def _said(found: Converted, destination: Path) -> list[str]:
    """What was done, and what must be known of it."""
    kinds = list(found.layers.values())
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    lines = [f"{destination}: {len(kinds)} layers ({counted}), {len(found.arrays)} arrays"]
    if found.state:
        steps = "" if found.state.step is None else f" after {found.state.step} steps"
        lines.append(f"the optimiser's state: {found.state.kind}{steps}")
    lines += [f"  {here} -> {there}" for here, there in found.pairs.items() if here != there]
    return lines + found.remarks


def _main() -> int:
    run(parse(Options, " ".join(entry.words("convert"))))
    return 0


def main() -> None:
    """The command line."""
    if status := entry.run(_main):
        sys.exit(status)


if __name__ == "__main__":
    main()
