"""NumPy to TensorFlow and back; what makes a norm scale-safe.

Trap: a Python float that becomes a float64 tensor may go through float32 on the way: `tf.cast(0.9,
"float64")` and `keras.ops.cast(0.9, "float64")` are 0.8999999761581421; `tf.constant(0.9,
"float64")` is not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

Tensor = Any
"""A `tf.Tensor`; TensorFlow's own annotations know neither its operators nor Keras' variables."""
Tensors = dict[str, Tensor]


def from_numpy(array: np.ndarray, dtype: str, device: str) -> Tensor:
    """A copy on the device in this precision, infinite beyond its range; integers stay integers."""
    with tf.device(device), np.errstate(over="ignore"):
        return tf.constant(array, dtype=dtype if array.dtype.kind == "f" else None)


def to_numpy(tensor: Tensor) -> np.ndarray:
    """A copy for the world outside the wing, floating-point numbers as float64."""
    array = np.array(tensor.numpy())
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def swapped(a: Tensor) -> Tensor:
    """The first two axes exchanged."""
    return tf.transpose(a, (1, 0, *range(2, len(a.shape))))


def safe_scale(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """What x is divided by before it is squared (common/quantities.py)."""
    largest = tf.reduce_max(tf.abs(x), axes, keepdims=True)
    bounded = tf.minimum(largest, x.dtype.max / 16)
    return tf.where((largest > 0) & tf.math.is_finite(largest), bounded, tf.ones_like(largest))
