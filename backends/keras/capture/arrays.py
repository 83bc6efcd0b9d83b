"""Between NumPy and TensorFlow: batches, calls of a model, and what comes out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras.src.models.functional import Functional


class Batch(NamedTuple):
    """What goes into the model and the loss, as tensors."""

    x: Any
    y: Any


def batch(x: Any, y: Any) -> Batch:
    """The batch as tensors; a tuple or dictionary of arrays as one of tensors."""
    return Batch(
        _each(tf.convert_to_tensor, x), None if y is None else _each(tf.convert_to_tensor, y)
    )


def samples(x: Any) -> int:
    """How many samples a batch has."""
    shape = tf.nest.flatten(x)[0].shape
    return int(shape[0]) if len(shape) else 1


def call(model: Any, x: Any, training: bool) -> Any:
    """Call a model on one input, or on several.

    A tuple by position, a dictionary by name, as its `call` takes them.
    """
    spread = not isinstance(model, keras.Sequential | Functional)
    takes = _parameters(model) if spread else []
    if isinstance(x, dict) and spread and set(x) <= set(takes):
        return model(**x, training=training)
    if isinstance(x, tuple | list) and spread and len(takes) >= len(x) > 1:
        return model(*x, training=training)
    return model(list(x) if isinstance(x, tuple) and not spread else x, training=training)


def array(tensor: Any) -> np.ndarray:
    """A copy: reals as float64, or float32 of lower precision; whole numbers as they are."""
    if tensor.dtype in (tf.bfloat16, tf.float16):
        tensor = tf.cast(tensor, tf.float32)
    return np.array(tensor.numpy())


def arrays(structure: Any) -> Any:
    """A structure of tensors as one of arrays; None stays."""
    return None if structure is None else _each(array, structure)


def dense(gradient: Any) -> Any:
    """A gradient as a tensor: that of an embedding comes as rows."""
    return None if gradient is None else tf.convert_to_tensor(gradient)


def _each(function: Callable[[Any], Any], structure: Any) -> Any:
    if isinstance(structure, dict):
        return {key: _each(function, value) for key, value in structure.items()}
    if isinstance(structure, list | tuple):
        return type(structure)(_each(function, value) for value in structure)
    return function(structure)


def _parameters(model: Any) -> list[str]:
    own = ("training", "mask", "self")
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    found = inspect.signature(model.call).parameters.values()
    return [
        parameter.name
        for parameter in found
        if parameter.kind in kinds and parameter.name not in own
    ]
