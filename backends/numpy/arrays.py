"""Arrays of the definition: NumPy's own, in float64 or, on request, in extended precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from common.quantities import safe_scale

__all__ = ["from_numpy", "safe_scale", "to_numpy"]


def from_numpy(array: np.ndarray, dtype: DTypeLike, device: str) -> np.ndarray:
    """The same numbers in the given precision; integers stay integers.

    The definition changes no array in place.
    """
    return np.asarray(array, dtype=dtype if array.dtype.kind == "f" else None)


def to_numpy(array: np.ndarray) -> np.ndarray:
    """The same numbers for the world outside the wing, at most float64."""
    return array.astype(np.float64, copy=False) if array.dtype.kind == "f" else array
