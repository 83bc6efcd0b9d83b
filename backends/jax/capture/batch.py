"""The user's batch, as JAX's arrays."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Inputs = tuple[tuple[Any, ...], dict[str, Any]]


def inputs(x: Any, dtype: Any, own: Any) -> Inputs:
    """The arguments of the model: x may be one array, a tuple of them, or a dictionary.

    Args:
        x: The input.
        dtype: The precision of all real numbers; None leaves JAX's arrays as they are.
        own: The model's own precision: then NumPy's arrays, which are double without anybody's
            having said so, have that.
    """
    args, kwargs = (
        (x, {}) if isinstance(x, tuple) else ((), x) if isinstance(x, dict) else ((x,), {})
    )
    return jax.tree.map(lambda each: _array(each, dtype, own), (tuple(args), dict(kwargs)))


def batch(x: Any, y: Any, dtype: Any, own: Any) -> tuple[Inputs, Any]:
    """The arguments of the model, and what they are to give."""
    return inputs(x, dtype, own), jax.tree.map(lambda each: _array(each, dtype, own), y)


def _array(value: Any, dtype: Any, own: Any) -> Any:
    given = isinstance(value, jax.Array)
    array = value if given else np.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        return jnp.asarray(array)
    return jnp.asarray(array, dtype or (array.dtype if given else own))


def first(x: Inputs) -> Any:
    """The first array of the model's arguments."""
    return jax.tree.leaves(x)[0]


def as_given(x: Inputs) -> Any:
    """The input as the user has given it: one array, several in their order, or by name."""
    args, kwargs = x
    if kwargs:
        return kwargs
    return args[0] if len(args) == 1 else list(args)
