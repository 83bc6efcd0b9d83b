"""A fault as a change of a wing's source, and how it is planted in this process."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import backends
from common.backend import Backend

ROOT = Path(__file__).parents[2]

ROOMS = (
    "arrays",
    "block",
    "affine",
    "activation",
    "clipping",
    "normalization",
    "skip",
    "recurrent",
    "initialization",
    "loss",
    "optimizer",
    "network",
    "quantities",
    "training",
)
"""Where faults are planted, in the order in which they import one another."""


class Edit(NamedTuple):
    """A text of a file of a wing, and what it is changed to."""

    room: str
    old: str
    new: str


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: What is wrong, in a few words.
        plan: The key in `tests.faults.PLANS` of a plan that shows it.
        wings: The edits that plant it, by wing.
        precisions: In which it is a fault.
    """

    name: str
    plan: str
    wings: dict[str, tuple[Edit, ...]]
    precisions: tuple[str, ...] = ("float64", "float32")


def edits(*edits: tuple[str, str, str]) -> tuple[Edit, ...]:
    """Edits, each a room, a text of it, and what it is changed to."""
    return tuple(Edit(*edit) for edit in edits)


def source(wing: str, room: str) -> str:
    """The text of a room of a wing."""
    return (ROOT / "backends" / wing / f"{room}.py").read_text(encoding="utf-8")


def planted(text: str, edit: Edit) -> str:
    """The text of a room with a fault.

    Raises:
        ValueError: The text that is to be changed does not occur in it exactly once.
    """
    if text.count(edit.old) != 1:
        raise ValueError(
            f"a fault must find its text once in {edit.room}.py; found it {text.count(edit.old)} "
            f"times: {edit.old}"
        )
    return text.replace(edit.old, edit.new)


def mutated(fault: Fault, wing: str) -> dict[str, str]:
    """The sources of the rooms of a wing that a fault changes."""
    found: dict[str, str] = {}
    for edit in fault.wings[wing]:
        found[edit.room] = planted(found.get(edit.room) or source(wing, edit.room), edit)
    return found


@contextmanager
def faulty(fault: Fault | None, wing: str) -> Iterator[Backend]:
    """The wing with a fault, in this process: its rooms are executed anew, and are themselves again
    afterwards.
    """
    backend = backends.load(wing)
    modules = [importlib.import_module(f"backends.{wing}.{room}") for room in ROOMS]
    before = [dict(vars(module)) for module in modules]
    program = backend.program
    sources = mutated(fault, wing) if fault else {}
    try:
        for room, module in zip(ROOMS, modules, strict=True):
            exec(
                compile(sources.get(room) or source(wing, room), f"<planted {room}>", "exec"),
                vars(module),
            )
        backend.program = modules[-1].program
        yield backend
    finally:
        backend.program = program
        for module, held in zip(modules, before, strict=True):
            vars(module).clear()
            vars(module).update(held)
