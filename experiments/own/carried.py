"""What is carried from a reference into its port, and what layers get."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import NamedTuple, Protocol

import numpy as np

from experiments.own.fitting import Arrays
from isograd.captured import Captured

Put = dict[tuple[str, int, int], np.ndarray]


class Port(Protocol):
    """A model that runs: `experiments.own.interpreter.Interpreter`."""

    def capture(
        self, values: bool = True, gradient: bool = True, put: Put | None = None
    ) -> Captured:
        """A pass."""
        ...

    def write(self, layers: dict[str, Arrays]) -> None:
        """Set weights."""
        ...


class Carried(NamedTuple):
    """Which layer is which.

    Attributes:
        pairs: The port's layer by the reference's.
        by: How each was found, by the reference's path: `map`, `shape` (no other has it), `input`,
            `name`, `before` (the layer that feeds it), `likeness` (of the input) or `order`.
        lacking: What one side has and the other has not, in words.
        starts: Layers whose weights were of another size in the port before: the rms of both, by
            the reference's path.
    """

    pairs: dict[str, str]
    by: dict[str, str]
    lacking: list[str]
    starts: dict[str, tuple[float, float]]


def inputs_of(captured: Captured) -> dict[str, np.ndarray]:
    """What each layer saw when it was first called, by its path."""
    found: dict[str, np.ndarray] = {}
    for place in captured["places"]:
        if place["inputs"] and place["path"] not in found:
            found[place["path"]] = place["inputs"][0]
    return found


def likeness(a: str, b: str) -> float:
    """How alike two paths are, by their last words and then as a whole; 1 at most."""
    words = [path.lower().replace("_", ".").split(".") for path in (a, b)]
    last, other = words[0][-1], words[1][-1]
    begins = float(
        bool(last) and bool(other) and (last.startswith(other) or other.startswith(last))
    )
    return (
        0.5 * begins
        + 0.3 * SequenceMatcher(None, last, other).ratio()
        + 0.2 * SequenceMatcher(None, a, b).ratio()
    )
