"""What a capture leaves as it was: variables, random numbers.

Also the cast of a model to another precision.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.random.seed_generator import global_seed_generator
from tensorflow.python.eager.context import context


@contextmanager
def kept(model: Any) -> Iterator[None]:
    """A scope after which the model's variables and Keras' random state are what they were."""
    variables = [
        *model.variables,
        *getattr(model, "metrics_variables", ()),
        global_seed_generator().state,
    ]
    before = [tf.identity(variable.value) for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.value.assign(value)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """A scope in which Python, NumPy and TensorFlow draw from a seed; their states come back after.

    Trap: TensorFlow forgets all kernels when a seed is set, and a compiled program takes a second
    or two to start again.
    """
    python = random.getstate()
    numpy = np.random.get_state()
    tensorflow = vars(context())
    names = ("_seed", "_rng")
    before = {name: tensorflow[name] for name in names if name in tensorflow}
    random.seed(seed)
    np.random.seed(seed)
    tf.random.set_seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        for name in names:
            tensorflow.pop(name, None)
        tensorflow.update(before)


def cast(layers: list[Any], dtype: str) -> None:
    """Let layers compute in another precision, and hold their variables and inputs in it."""
    for layer in layers:
        if keras.backend.is_float_dtype(layer.compute_dtype):
            layer.dtype_policy = dtype
        for variable in (*layer._trainable_variables, *layer._non_trainable_variables):
            _cast_variable(variable, dtype)
        for tensor in _symbolic_tensors(layer):
            if keras.backend.is_float_dtype(tensor.dtype):
                tensor._dtype = dtype


def _cast_variable(variable: Any, dtype: str) -> None:
    if not keras.backend.is_float_dtype(variable.dtype) or variable.dtype == dtype:
        return
    value = tf.cast(variable.value, dtype)
    variable._dtype = dtype
    variable._value = tf.Variable(
        value, trainable=variable.trainable, name=variable.name, dtype=dtype
    )


def _symbolic_tensors(layer: Any) -> list[Any]:
    held = [*getattr(layer, "_inputs", ()), *getattr(layer, "_outputs", ())]
    return [tensor for tensor in held if isinstance(tensor, keras.KerasTensor)]
