"""How far apart the arrays of two steps are, place by place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from common.agreement import DRAWS, without_digits
from common.network import Arrays, side_by_side
from common.step import Compared, Key

OUTPUT = Key("output")
UPDATE = "update"

Place = tuple[int, int]
"""The number of a layer, counted from 0, and which of its activations it is."""


@dataclass(frozen=True)
class Inside:
    """What only the definition shows of a step.

    Attributes:
        z: Pre-activations, [seed, batch, width] by their place; the last one of a layer tells which
            of its units are dead.
        h: Outputs of the sites, [seed, batch, width] by the number of the layer.
        updates: Of the sites' weights, [seed, layer, n_in, n_out] by name.
    """

    z: dict[Place, np.ndarray]
    h: dict[int, np.ndarray]
    updates: Arrays


def of_inside(inside: Inside) -> Compared:
    """What is compared of a draw beside the step: outputs and updates."""
    updates = {Key(UPDATE, name): a for name, a in inside.updates.items()}
    return {OUTPUT: side_by_side(list(inside.h.values()))} | updates


def with_another(rms: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The root mean square of `DRAWS` distances, with one more: a square of 1e-170 would be 0."""
    return np.hypot(rms, d / math.sqrt(DRAWS))


def difference(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The difference, 0 between equal infinities, and infinite where only one is a number."""
    apart = np.where(found == expected, 0.0, found - expected)
    return np.where(np.isnan(apart), np.inf, apart)


def moved(share: float, size: float, precision: str) -> str:
    """What alone moves an array of a size, and by which share of it, in words."""
    lost = size < without_digits(precision)
    if np.isinf(share) and not lost:
        return f"it overflows in {precision}"
    return (
        f"{'underflow' if lost else 'rounding'} in {precision} alone moves it by "
        f"{'more than its own size' if share > 1 else f'{share:.0%}'}"
    )
