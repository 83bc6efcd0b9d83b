"""What hypothesis draws: arrays of one shape, since JAX and TensorFlow compile for each shape anew."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

SUBNORMAL = 1e-310
KINKS = [0.0, -0.0, 1e-300, -1e-300, 36.7, 37.0, -708.0, 20.0, -20.0, 1e300, -1e300]


def floats(low: float, high: float, awkward: list[float]) -> st.SearchStrategy[float]:
    """Ordinary normal numbers of the interval, mixed with awkward ones."""
    return st.one_of(st.floats(low, high, allow_subnormal=False), st.sampled_from(awkward))


def float64s(shape: tuple[int, ...], elements: st.SearchStrategy[float]) -> st.SearchStrategy[np.ndarray]:
    """Float64 arrays of the shape."""
    return arrays(np.float64, shape, elements=elements)
