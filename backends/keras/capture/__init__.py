"""Any Keras model, as it computes.

Its layers and functions in the order of execution, their values and gradients.

This package imports NumPy, Keras and TensorFlow, and nothing of the project that it is part of: it
is loaded by its path in the interpreter that somebody's model runs in. What it hands out are plain
dictionaries of numbers, texts and arrays.

Trap: `Layer.__call__` and the activation within a layer are two places; Keras keeps what goes into
a softmax beside its output; a `tf.function` that was traced earlier shows nothing of its inside,
unless functions are run eagerly.
"""

from __future__ import annotations

import os
import warnings
from contextlib import ExitStack
from typing import Any

if os.environ.setdefault("KERAS_BACKEND", "tensorflow") != "tensorflow":
    raise ValueError(
        f"capture needs KERAS_BACKEND=tensorflow; received {os.environ['KERAS_BACKEND']}"
    )

import keras

if keras.config.backend() != "tensorflow":
    raise ValueError(
        f"capture needs Keras on TensorFlow; it runs on {keras.config.backend()} in this process"
    )

from . import loss as losses
from . import state
from .arrays import batch, call
from .observed import open_functions
from .paths import layers
from .subject import Subject

__all__ = ["NAME", "Subject", "prepare", "subject"]

NAME = "keras"


def prepare(precision: str | None) -> None:
    """Before the user's file is imported: layers are numbered from the start, and have a precision.

    Args:
        precision: In which new layers hold their variables and compute, "float32" or "float64";
            None leaves it as it is.
    """
    keras.utils.clear_session()
    if precision is not None:
        keras.config.set_floatx(precision)
        keras.config.set_dtype_policy(precision)


def subject(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    loss: Any = None,
    optimizer: Any = None,
    clip: Any = None,
    training: bool = True,
    precision: str | None = None,
    seed: int = 0,
) -> Subject:
    """A model and what it is to be looked at with.

    Layers that are not built are built on the batch.

    Args:
        model: A Keras model or layer.
        x: The input, an array or tensor; several as a tuple (by position) or a dictionary (by
            name).
        y: What the loss is given; None where it needs nothing.
        loss: Of (output, y) as tensors, a scalar; or a `keras.losses.Loss`. None: that of the
            compiled model; else cross-entropy of the logits for whole numbers, mean squared error
            for real ones, mean of squares without y.
        optimizer: A Keras optimizer; None: that of the compiled model, if it is compiled.
        clip: None: a Keras optimizer clips by itself (`clipnorm`, `global_clipnorm`, `clipvalue`).
        training: The mode in which the model is called.
        precision: "float64": the model is cast to it, in place, and what it computes in. None: its
            own.
        seed: Of what the model draws without a seed of its own.

    Raises:
        ValueError: This is not a Keras model, `clip` is given, or the loss is not a scalar.
    """
    if not isinstance(model, keras.layers.Layer):
        raise ValueError(f"capture needs a Keras model or layer; received {type(model).__name__}")
    if clip is not None:
        raise ValueError(
            "clip is not for Keras: give it to the optimizer, as clipnorm, global_clipnorm or "
            "clipvalue"
        )
    given = batch(x, y)
    _build(model, given, precision, training, seed)
    own = getattr(model, "optimizer", None) if optimizer is None else optimizer
    chosen = losses.chosen(model, loss, given.y)
    used = None if own is None else keras.optimizers.get(own)
    return Subject(model, given, chosen, used, training=training, precision=precision, seed=seed)


def _build(model: Any, given: Any, precision: str | None, training: bool, seed: int) -> None:
    if precision is not None:
        state.cast(layers(model), precision)
    with state.seeded(seed), warnings.catch_warnings(), ExitStack() as stack:
        open_functions(stack)
        warnings.filterwarnings("ignore", "`build\\(\\)` was called on layer", UserWarning)
        for mode in (False, training):
            if not all(layer.built for layer in layers(model)):
                call(model, given.x, training=mode)
    if precision is not None:
        state.cast(layers(model), precision)
