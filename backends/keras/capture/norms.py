"""What is known of a tensor without its values, computed where it is.

A sum of squares in one pass is enough for all but the smallest and largest tensors; those are scaled first, so that a float32
gradient of 1e-30 has a norm.
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

SAFE = {tf.float32: (1e-22, 1e37), tf.float64: (1e-280, 1e300)}
"""Between which bounds half a sum of squares has lost nothing."""


def widened(tensor: Any) -> Any:
    """Half precision as float32, integers as float64, and a sparse gradient as a tensor."""
    dense = tf.convert_to_tensor(tensor)
    if dense.dtype in SAFE:
        return dense
    return tf.cast(dense, tf.float32 if dense.dtype.is_floating else tf.float64)


def rms(tensor: Any) -> tuple[Any, Any]:
    """The root mean square, and whether all values are finite."""
    values = widened(tensor)
    half = tf.nn.l2_loss(values)
    low, high = SAFE[values.dtype]
    count = max(math.prod(values.shape), 1)
    plain = tf.sqrt(2 * tf.cast(half, tf.float64) / count)
    return tf.cond((half > low) & (half < high), lambda: (plain, tf.constant(True)), lambda: _scaled(values))


def mean(tensor: Any) -> Any:
    """The mean of the values."""
    return tf.cast(tf.reduce_mean(widened(tensor)), tf.float64)


def dead(tensor: Any, name: str, channel: int) -> Any | None:
    """The share of channels in which the derivative of an activation is 0 in the whole batch; None where that is not known."""
    if name not in ZERO or len(tensor.shape) < 2:
        return None
    others = [axis for axis in range(len(tensor.shape)) if axis != channel % len(tensor.shape)]
    zero = tf.reduce_all(ZERO[name](tensor), others)
    return tf.reduce_mean(tf.cast(zero, tf.float64))


def _scaled(values: Any) -> tuple[Any, Any]:
    finite = tf.reduce_all(tf.math.is_finite(values))
    largest = tf.reduce_max(tf.abs(values)) if math.prod(values.shape) else tf.zeros((), values.dtype)
    scale = tf.where(finite & (largest > 0), largest, tf.ones_like(largest))
    mean_square = tf.reduce_sum(tf.square(values / scale)) / max(math.prod(values.shape), 1)
    return tf.cast(scale, tf.float64) * tf.sqrt(tf.cast(mean_square, tf.float64)), finite
