"""Any model of Flax, linen or nnx, captured.

Every module and every function between modules, in the order of execution.

It imports NumPy, JAX and Flax, nothing of this project, since it is loaded in the user's own
interpreter. It hands back plain dictionaries; `isograd/captured.py` says what is in them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from . import linen, nnx
from .batch import inputs
from .subject import Subject

NAME = "jax"


def prepare(precision: str | None) -> None:
    """Before the user's file is imported: the precision in which JAX works by itself.

    None leaves all as it is.
    """
    _known(precision)
    if precision == "float64":
        jax.config.update("jax_enable_x64", True)


def subject(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    loss: Callable[[Any, Any], Any] | None = None,
    optimizer: Any = None,
    clip: Callable[[Any], Any] | None = None,
    training: bool = True,
    precision: str | None = None,
    seed: int = 0,
) -> Subject:
    """A model on a batch.

    Args:
        model: A linen module, whose variables `init` then draws, or (module, variables); or an nnx
            module, which is copied.
        x: The input; a tuple or a dictionary of several.
        y: What the output is to be.
        loss: Of the output and y; None: cross-entropy of logits for classes, mean squared error for
            real numbers, the mean square of the output where y is None.
        optimizer: An optax transformation, or an `nnx.Optimizer`, of which the transformation is
            taken; None: no steps.
        clip: torch's; in optax clipping is part of the transformation.
        training: The mode in which it is captured.
        precision: None: the model's own. float64: model and batch are cast, and it computes in it.
        seed: Of the variables that `init` draws, and of the random streams of the model.

    Raises:
        ValueError: The model is of another kind, or the precision is not there.
    """
    if clip is not None:
        raise ValueError(
            "clip is torch's; in optax clipping is part of the optimiser: "
            "optax.chain(optax.clip_by_global_norm(..), ..)"
        )
    dtype = _dtype(precision)
    if linen.is_model(model):
        found: Any = linen.Model(
            model, inputs(x, dtype, jnp.float32), training=training, dtype=dtype, seed=seed
        )
    elif nnx.is_model(model):
        found = nnx.Model(model, training=training, dtype=dtype)
    else:
        raise ValueError(
            "a model is a linen module, (module, variables) or an nnx module; received "
            f"{type(model).__name__}"
        )
    return Subject(found, x, y, loss, optimizer, training)


def _known(precision: str | None) -> None:
    if precision not in (None, "float32", "float64"):
        raise ValueError(f"precision is float32, float64 or None; received {precision!r}")


def _dtype(precision: str | None) -> Any:
    _known(precision)
    if precision == "float64" and not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
        raise ValueError(
            'float64 needs jax.config.update("jax_enable_x64", True), before anything else: '
            'prepare("float64")'
        )
    return None if precision is None else jnp.dtype(precision)
