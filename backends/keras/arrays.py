"""NumPy to TensorFlow and back; the scale-safe rms.

Trap: a Python float that becomes a float64 tensor may go through float32 on the way: `tf.cast(0.9, "float64")` and
`keras.ops.cast(0.9, "float64")` are 0.8999999761581421; `tf.constant(0.9, "float64")` is not.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from common.quantities import safe_norms

Tensor = Any
"""A `tf.Tensor`; TensorFlow's own annotations know neither its operators nor Keras' variables."""


def from_numpy(array: np.ndarray, dtype: str, device: str) -> Tensor:
    """A copy on the device in the given precision; integers stay integers."""
    with tf.device(device):
        return tf.constant(array, dtype=dtype if array.dtype.kind == "f" else None)


def to_numpy(tensor: Tensor) -> np.ndarray:
    """A copy for the world outside the wing, floating-point numbers as float64."""
    array = np.array(tensor.numpy())
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def rms(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The root mean square over some axes; no square under- or overflows (common/quantities.py)."""
    return rms_of_each([x], axes)[0]


def rms_of_each(arrays: list[Tensor], axes: tuple[int, ...]) -> list[Tensor]:
    """The same for several arrays, at the cost of one branch."""
    roots = [math.sqrt(math.prod(x.shape[axis] for axis in axes)) for x in arrays]
    plain = [tf.math.reduce_euclidean_norm(x, axes) for x in arrays]
    all_norms = tf.concat([tf.reshape(norm, [-1]) for norm in plain], 0)
    low, high = safe_norms(all_norms.dtype.name)
    safe = tf.reduce_all((all_norms > low) & (all_norms < high))
    return tf.cond(
        safe,
        lambda: [norm / root for norm, root in zip(plain, roots, strict=True)],
        lambda: [_scaled_rms(x, axes, root) for x, root in zip(arrays, roots, strict=True)],
    )


def _scaled_rms(x: Tensor, axes: tuple[int, ...], root: float) -> Tensor:
    scale = safe_scale(x, axes)
    return tf.squeeze(scale, axes) * (tf.math.reduce_euclidean_norm(x / scale, axes) / root)


def safe_scale(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """What x is divided by before it is squared (common/quantities.py)."""
    largest = tf.reduce_max(tf.abs(x), axes, keepdims=True)
    bounded = tf.minimum(largest, x.dtype.max / 16)
    return tf.where((largest > 0) & tf.math.is_finite(largest), bounded, tf.ones_like(largest))


def ratio(a: Tensor, b: Tensor) -> Tensor:
    """The quotient a / b, with 0 / 0 = 0 (common/quantities.py)."""
    return tf.where((a == 0) & (b == 0), tf.zeros_like(a), a / b)
