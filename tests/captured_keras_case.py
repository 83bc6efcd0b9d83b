"""A model that is awkward to look into, and numbers to go in."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Places = list[str]


class Awkward(NamedTuple):
    """A model that is awkward to look into.

    Attributes:
        model: The model.
        x: What goes in.
        y: What the loss is given.
        places: Path and kind of each place, in the order of return.
        cut: Paths that the gradient does not reach, although the loss depends on them.
        training: The mode.
        loss: Of output and y; None is the default.
    """

    model: Any
    x: Any
    y: Any
    places: Places
    training: bool = True
    loss: Any = None
    cut: tuple[str, ...] = ()


def real(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


LABELS = np.array([0, 2, 1])
