"""The user's batch, as JAX's arrays."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

Inputs = tuple[tuple[Any, ...], dict[str, Any]]


def inputs(x: Any, dtype: Any) -> Inputs:
    """The arguments of the model: x may be one array, a tuple of them, or a dictionary."""
    args, kwargs = (x, {}) if isinstance(x, tuple) else ((), x) if isinstance(x, dict) else ((x,), {})
    return jax.tree.map(lambda each: _array(each, dtype), (tuple(args), dict(kwargs)))


def batch(x: Any, y: Any, dtype: Any) -> tuple[Inputs, Any]:
    """The arguments of the model, and what they are to give."""
    return inputs(x, dtype), jax.tree.map(lambda each: _array(each, dtype), y)


def _array(value: Any, dtype: Any) -> Any:
    array = jnp.asarray(value)
    real = jnp.issubdtype(array.dtype, jnp.floating)
    return array.astype(dtype) if real and dtype is not None else array


def first(x: Inputs) -> Any:
    """The first array of the model's arguments."""
    return jax.tree.leaves(x)[0]
