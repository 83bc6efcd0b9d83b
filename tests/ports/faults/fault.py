"""A mistake in a port, as a change of the text of its right file: what somebody would have written
instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

PORTS = Path(__file__).parents[1]
"""Where the right files are."""

BACKENDS = {"torch": "torch", "keras": "keras", "linen": "jax", "nnx": "jax"}
"""Of an interface, as files are named by it."""

END = "(the end)"
"""The place of what lies behind the model: its loss, clipping and optimiser."""


class Pair(NamedTuple):
    """An architecture in two frameworks: the reference's interface and the port's."""

    architecture: str
    reference: str
    port: str

    def __str__(self) -> str:
        return f"{self.architecture} {self.reference} -> {self.port}"


class Edit(NamedTuple):
    """A text of the port's file, and what it is changed to."""

    old: str
    new: str


@dataclass(frozen=True)
class Fault:
    """One mistake, or several at once.

    Attributes:
        name: What is wrong, in a few words.
        pair: In which port.
        edits: What plants it.
        places: Of each mistake, the reference's places that are right answers; several where two
            say the same.
        causes: Of each mistake, the causes that are right answers, `family.name` of
            experiments/causes; empty where no family can know it, and nothing is the right answer.
        factory: The function that makes the models.
    """

    name: str
    pair: Pair
    edits: tuple[Edit, ...]
    places: tuple[tuple[str, ...], ...]
    causes: tuple[tuple[str, ...], ...]
    factory: str = "model"

    @property
    def steps(self) -> bool:
        """Whether it takes steps of the optimisers to see it."""
        named = [cause for causes in self.causes for cause in causes]
        return any(END in places for places in self.places) or any(
            cause.startswith("running.") for cause in named
        )


def fault(
    pair: Pair, name: str, old: str, new: str, places: str, causes: str, factory: str = "model"
) -> Fault:
    """One mistake; places and causes are separated by spaces."""
    wanted = tuple(re.findall(r"\([^)]*\)|\S+", places))  # (the end) is one
    return Fault(name, pair, (Edit(old, new),), (wanted,), (tuple(causes.split()),), factory)


def or_at_the_end(behind: Fault) -> Fault:
    """A mistake behind the model's last layer: that layer is a right place, and so is the end."""
    return replace(behind, places=tuple((*places, END) for places in behind.places))


def together(*faults: Fault) -> Fault:
    """Several mistakes in one port.

    Raises:
        ValueError: They are not of one port.
    """
    if len({(each.pair, each.factory) for each in faults}) != 1:
        raise ValueError(
            f"faults at once must be of one port; received {[each.name for each in faults]}"
        )
    return Fault(
        "; ".join(each.name for each in faults),
        faults[0].pair,
        tuple(edit for each in faults for edit in each.edits),
        tuple(place for each in faults for place in each.places),
        tuple(cause for each in faults for cause in each.causes),
        faults[0].factory,
    )


def file_of(architecture: str, interface: str) -> Path:
    """The right file."""
    return PORTS / f"{architecture}_{interface}.py"


def planted(text: str, edits: tuple[Edit, ...]) -> str:
    """The text of a file with the mistakes.

    Raises:
        ValueError: A text that is to be changed does not occur exactly once.
    """
    for old, new in edits:
        if text.count(old) != 1:
            raise ValueError(
                f"a fault must find its text once; found it {text.count(old)} times: {old}"
            )
        text = text.replace(old, new)
    return text
