"""NumPy to JAX and back; what makes a norm scale-safe.

Trap: without `jax_enable_x64` a float64 array becomes float32 in silence.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Tree = dict[str, Any]
Device = Any
"""A `jax.Device`, which is a variable to a type checker."""


def from_numpy(array: np.ndarray, dtype: str, device: Device) -> jax.Array:
    """A copy on the device in this precision, infinite beyond its range; integers stay integers."""
    with np.errstate(over="ignore"):
        return jax.device_put(array.astype(dtype) if array.dtype.kind == "f" else array, device)


def to_numpy(array: jax.Array) -> np.ndarray:
    """A copy for the world outside the wing, floating-point numbers as float64."""
    copied = np.array(array)
    return copied.astype(np.float64) if copied.dtype.kind == "f" else copied


def safe_scale(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """What x is divided by before it is squared (common/quantities.py)."""
    largest = jnp.max(jnp.abs(x), axis=axes, keepdims=True, initial=0.0)
    return jnp.where(
        (largest > 0) & jnp.isfinite(largest), jnp.minimum(largest, jnp.finfo(x.dtype).max / 16), 1
    )
