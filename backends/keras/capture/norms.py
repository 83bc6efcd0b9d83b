"""What is known of a tensor without its values, computed where it is.

Without a branch, which would take a millisecond each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

ZERO: dict[str, Callable[[Any], Any]] = {
    "relu": lambda y: y == 0,
    "relu6": lambda y: (y == 0) | (y == 6),
    "sigmoid": lambda y: (y == 0) | (y == 1),
    "hard_sigmoid": lambda y: (y == 0) | (y == 1),
    "tanh": lambda y: tf.abs(y) == 1,
    "hard_tanh": lambda y: tf.abs(y) == 1,
    "elu": lambda y: y == -1,
    "softplus": lambda y: y == 0,
}
"""By the name of an activation, where its derivative is exactly 0, seen from its output."""


def widened(tensor: Any) -> Any:
    """Half precision as float32, integers as float64, and a sparse gradient as a tensor."""
    dense = tf.convert_to_tensor(tensor)
    if dense.dtype in (tf.float32, tf.float64):
        return dense
    return tf.cast(dense, tf.float32 if dense.dtype.is_floating else tf.float64)


def rms(tensor: Any) -> tuple[Any, Any]:
    """The root mean square, and whether all values are finite."""
    values = widened(tensor)
    if values.dtype == tf.float64:
        return _scaled(values)
    # there the square of a float32 neither under- nor overflows
    mean_square = _mean_square(tf.cast(values, tf.float64))
    return tf.sqrt(mean_square), tf.math.is_finite(mean_square)


def mean(tensor: Any) -> Any:
    """The mean of the values."""
    return tf.cast(tf.reduce_mean(widened(tensor)), tf.float64)


def dead(tensor: Any, name: str, channel: int) -> Any | None:
    """The share of channels in which the derivative of an activation is 0 in the whole batch.

    None where that is not known.
    """
    if name not in ZERO or len(tensor.shape) < 2:
        return None
    others = [axis for axis in range(len(tensor.shape)) if axis != channel % len(tensor.shape)]
    zero = tf.reduce_all(ZERO[name](tensor), others)
    return tf.reduce_mean(tf.cast(zero, tf.float64))


def _scaled(values: Any) -> tuple[Any, Any]:
    largest = (
        tf.reduce_max(tf.abs(values)) if math.prod(values.shape) else tf.zeros((), values.dtype)
    )
    finite = tf.math.is_finite(largest)
    scale = tf.where(finite & (largest > 0), largest, tf.ones_like(largest))
    return scale * tf.sqrt(_mean_square(values / scale)), finite


def _mean_square(values: Any) -> Any:
    return 2 * tf.nn.l2_loss(values) / max(math.prod(values.shape), 1)
