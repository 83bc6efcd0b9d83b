"""A layer of a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.converting.names import Path

Arrays = dict[str, np.ndarray]

FLOATS = (np.dtype("<f8"), np.dtype("<f4"), np.dtype("<f2"))


@dataclass(frozen=True)
class Layer:
    """A layer of a file.

    Attributes:
        path: Its name, word by word.
        own: Its arrays by the names that a layer of its kind has there.
        raw: The name in the file by that.
        kinds: What it can be.
        heads: Of an attention, where that is known.
    """

    path: Path
    own: Arrays
    raw: dict[str, str]
    kinds: tuple[str, ...] = ()
    heads: int | None = None

    @property
    def name(self) -> str:
        """As it is said."""
        return "/".join(self.path) or "(the model)"
