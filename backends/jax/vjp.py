"""A function of JAX's arrays, and its vector-Jacobian products, in float64: for own tests.

It is loaded by its path in their process. It imports NumPy and JAX, nothing of ours.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

OF_NUMBERS = jax if hasattr(jax, "enable_x64") else importlib.import_module("jax.experimental")
enable_x64: Callable[[bool], AbstractContextManager[None]] = OF_NUMBERS.enable_x64  # type: ignore[attr-defined]

Pull = Callable[[Sequence[np.ndarray]], list[np.ndarray | None]]


def vjp(
    function: Callable[..., Any], inputs: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], Pull]:
    """What a function returns, and how cotangents come back through it.

    Args:
        function: Of arrays; it returns one, or a tuple or list of them.
        inputs: Of real numbers float64; others are given as they are.

    Returns:
        The outputs; and a function of a cotangent for each output that gives the gradient with
        respect to each input, None where there is none.
    """
    real = [each.dtype.kind == "f" for each in inputs]

    def of_real(*given: Any) -> list[Any]:
        left = iter(given)
        found = function(
            *(
                next(left) if is_real else jnp.asarray(each)
                for each, is_real in zip(inputs, real, strict=True)
            )
        )
        return list(found) if isinstance(found, tuple | list) else [found]

    with enable_x64(True):
        chosen = [jnp.asarray(each) for each, is_real in zip(inputs, real, strict=True) if is_real]
        outputs, back = jax.vjp(of_real, *chosen)

    def pull(cotangents: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        with enable_x64(True):
            given = [_cotangent(y, c) for y, c in zip(outputs, cotangents, strict=True)]
            gradients = iter(back(given))
            return [np.asarray(next(gradients)) if is_real else None for is_real in real]

    return [np.asarray(y) for y in outputs], pull


def _cotangent(output: Any, given: np.ndarray) -> Any:
    """Of an output that is no real number JAX wants one of its own kind, float0."""
    if jnp.issubdtype(output.dtype, jnp.floating):
        return jnp.asarray(given)
    return np.zeros(output.shape, jax.dtypes.float0)
