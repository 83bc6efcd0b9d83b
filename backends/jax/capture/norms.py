"""What is known of a tensor when its values are not kept, computed where it is.

A few numbers come back.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

Array = Any


def wide(values: Array) -> Array:
    """In single precision at least."""
    return values.astype(jnp.promote_types(values.dtype, jnp.float32))


def rms(values: Array) -> Array:
    """The root mean square, scale-safe; not finite where a value is not.

    The sums go over the first axis first: that is the order that the processor's vector units take.
    """
    values = wide(values)
    if not values.size:
        return jnp.zeros((), values.dtype)
    largest = _by_columns(jnp.max, jnp.abs(values))
    scale = jnp.where(jnp.isfinite(largest) & (largest > 0), largest, 1)
    mean_square = _by_columns(jnp.sum, jnp.square(values / scale)) / values.size
    return jnp.where(jnp.isfinite(largest), scale * jnp.sqrt(mean_square), largest)


def mean(values: Array) -> Array:
    """The mean; 0 of nothing."""
    values = wide(values)
    return _by_columns(jnp.sum, values) / max(values.size, 1)


def dead(slope: Array) -> Array:
    """The share of units, of the last axis, whose derivative is exactly 0 everywhere."""
    flat = slope.reshape(-1, slope.shape[-1]) if slope.ndim else slope.reshape(1, 1)
    return jnp.mean(jnp.all(flat == 0, axis=0), dtype=wide(slope).dtype)


def _by_columns(reduce: Any, values: Array) -> Array:
    return reduce(reduce(values, axis=0)) if values.ndim > 1 else reduce(values)
