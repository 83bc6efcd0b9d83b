"""What is differentiated: the loss that was given, or a default that is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

Loss = Callable[[Any, Any], Any]


def chosen(model: Any, loss: Any, y: Any) -> tuple[Loss, str | None]:
    """The loss of (output, y), and what it is in words where none was given.

    Trap: Keras keeps what goes into a softmax or a sigmoid beside its output, and its losses use
    that.
    """
    if isinstance(loss, keras.losses.Loss):
        return lambda output, y: loss(y, output), None
    if loss is not None:
        return loss, None
    if getattr(model, "compiled", False) and y is not None:
        return _compiled(model), "the loss that the model was compiled with"
    if y is None:
        return lambda output, y: _mean_of_squares(output), "mean of the squares of the output"
    if y.dtype.is_integer:
        return _cross_entropy, "cross-entropy of the logits"
    return _squared_error, "mean squared error"


def scalar(loss: Any) -> Any:
    """The loss as a scalar of at least single precision.

    Raises:
        ValueError: It is not a scalar.
    """
    value = tf.convert_to_tensor(loss)
    if value.shape.rank != 0:
        raise ValueError(
            "loss(output, y) has to give a scalar, such as a mean over the batch; received "
            f"{tuple(value.shape)}"
        )
    return value


def _compiled(model: Any) -> Loss:
    """Without the losses of the layers, which come on top of any loss."""
    return lambda output, y: model._compile_loss(y, output)


def _cross_entropy(output: Any, y: Any) -> Any:
    logits = getattr(output, "_keras_logits", output)
    if logits.shape[-1] == 1:
        raise ValueError(
            "one output and whole numbers as y: a cross-entropy over one class is 0; give a "
            "loss(output, y)"
        )
    labels = tf.reshape(y, logits.shape[:-1])
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def _squared_error(output: Any, y: Any) -> Any:
    return tf.reduce_mean(tf.square(output - tf.reshape(tf.cast(y, output.dtype), output.shape)))


def _mean_of_squares(output: Any) -> Any:
    leaves = [leaf for leaf in tf.nest.flatten(output) if leaf.dtype.is_floating]
    return tf.add_n([tf.reduce_mean(tf.square(leaf)) for leaf in leaves]) / len(leaves)
