"""The loss that is taken where the user gives none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def first_real(output: Any) -> Any:
    """The first tensor of real numbers of what a model returns.

    Raises:
        ValueError: There is none.
    """
    for leaf in jax.tree_util.tree_leaves(output):
        if hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating):
            return leaf
    raise ValueError("the model returns no tensor of real numbers: nothing has a gradient")


def said(y: Any) -> str:
    """What `standard` is, in words."""
    if y is None:
        return "mean of the squares of the output"
    return "cross-entropy of logits, mean over the batch" if _classes(y) else "mean squared error"


def standard(y: Any) -> Callable[[Any, Any], Any]:
    """Cross-entropy of logits for classes, mean squared error for real numbers.

    The output's mean square where y is None.
    """
    if y is None:
        return lambda output, _: jnp.mean(jnp.square(first_real(output)))
    return _cross_entropy if _classes(y) else _squared_error


def _classes(y: Any) -> bool:
    return not jnp.issubdtype(y.dtype, jnp.floating)


def _cross_entropy(output: Any, y: Any) -> Any:
    logarithms = jax.nn.log_softmax(first_real(output))
    chosen = jnp.take_along_axis(
        logarithms, y.reshape(logarithms.shape[:-1])[..., None].astype(int), axis=-1
    )
    return -jnp.mean(chosen)


def _squared_error(output: Any, y: Any) -> Any:
    real = first_real(output)
    if real.size != y.size:
        raise ValueError(
            f"mean squared error needs y in the shape of the output, {real.shape}; received "
            f"{y.shape}"
        )
    return jnp.mean(jnp.square(real - y.reshape(real.shape)))
