"""The Rosetta table.

The names of one thing in PyTorch, Keras and Flax, and which argument here is which argument there.

A line of arguments is one value in the terms of each framework: `momentum` of PyTorch's batch norm
is `1 - momentum` of Keras'. Tests resolve every name in the installed packages, and look for every
argument in its signature (tests/test_rosetta.py).
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

FILE = Path(__file__).with_suffix(".toml")

HEADINGS = ("PyTorch", "Keras", "Flax linen", "Flax nnx, JAX, optax")

NONE = "-"
"""What stands where a framework has no such thing."""


def both(cells: Any) -> Any:
    """Four cells of three, as it is where both of Flax use what is JAX's or optax's."""
    return (
        (*cells, cells[-1])
        if isinstance(cells, list) and len(cells) == len(HEADINGS) - 1
        else cells
    )


Cells = Annotated[tuple[str, str, str, str], BeforeValidator(both)]
"""A cell for each heading."""


class Written(BaseModel):
    """What the tables of the file are: read as they stand, and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Row(Written):
    """One thing, and its name in each framework."""

    name: str
    names: Cells
    """Dotted, as they are imported."""
    arguments: tuple[Cells, ...] = ()
    """Of each line, one value: an expression in the framework's own arguments."""
    note: str | None = None
    """What no line says."""
    words: tuple[str, ...] = ()
    """By which it is found besides."""


class Group(Written):
    """Things of a kind."""

    title: str
    row: tuple[Row, ...]


@cache
def groups() -> tuple[Group, ...]:
    """The table, group by group."""
    return tuple(
        Group.model_validate(group)
        for group in tomllib.loads(FILE.read_text(encoding="utf-8"))["group"]
    )


def rows() -> list[Row]:
    """All rows."""
    return [row for group in groups() for row in group.row]


def named(word: str) -> list[Row]:
    """The rows that a word names.

    What the thing is called, or a framework's name; or else the lines of an argument.
    """
    plain = _plain(word)
    if found := [row for row in rows() if plain in _called(row)]:
        return found
    return [part for row in rows() if (part := _of_argument(row, plain)).arguments]


def _called(row: Row) -> set[str]:
    parts = [name.split(".") for name in row.names]
    ends = {".".join(each[i:]) for each in parts for i in range(len(each))}
    words = re.split(r"[^\w-]+", row.name)
    return {_plain(each) for each in {row.name, *words, *ends, *row.words}} - {""}


def _of_argument(row: Row, plain: str) -> Row:
    lines = [
        line
        for line in row.arguments
        if plain in {_plain(each) for each in re.findall(r"[A-Za-z_]\w*", " ".join(line))}
    ]
    return row.model_copy(update={"arguments": tuple(lines)})


def _plain(word: str) -> str:
    return re.sub(r"[\W_]+", "", word).lower()
