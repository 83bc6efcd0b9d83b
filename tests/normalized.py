"""Inputs of a normalization that are awkward."""

from __future__ import annotations

import numpy as np
from hypothesis import settings

FEW = settings(max_examples=40, deadline=None)


def inputs(z: np.ndarray, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    """Inputs of a probe, with scale, shift and running statistics of their own for every unit."""
    units = np.arange(z.shape[1])
    return {
        "z": z,
        "cotangent": cotangent,
        "scale": 0.5 + units,
        "shift": 0.1 * units,
        "mean": 1.0 - units,
        "variance": 1.0 + units**2,
    }
