"""Numbers of narrower types, kept in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """The nearest numbers with 8 bits, to even where two are."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).astype(np.uint64)
    near = (bits + 0x7FFF + ((bits >> np.uint64(16)) & np.uint64(1))) & np.uint64(0xFFFF0000)
    return near.astype(np.uint32).view(np.float32).astype(np.float64)


def to_float16(values: np.ndarray) -> np.ndarray:
    """The nearest half-precision numbers; infinite beyond 65504."""
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float64)


def to_float32(values: np.ndarray) -> np.ndarray:
    """The nearest single-precision numbers."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32).astype(np.float64)


TYPES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "bfloat16": (to_bfloat16, 2.0**-8),
    "float16": (to_float16, 2.0**-11),
    "float32": (to_float32, 2.0**-24),
}
"""How they are rounded, and the share that is lost; the narrowest first: its numbers are the wider
ones' too."""
