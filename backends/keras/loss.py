"""The loss in Keras: `SparseCategoricalCrossentropy`, `BinaryCrossentropy`, `MeanSquaredError`.

The first two are of logits.

Squared error is that of one-hot classes, or of real targets.

Trap: the cross-entropies take probabilities unless `from_logits=True` says otherwise, and clip them
at 1e-7. A loss computes in float32 whatever the outputs are, unless it is given a `dtype`.
`BinaryCrossentropy` is a mean over the outputs of a sample, and wants labels of the shape of the
outputs, [batch, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

import keras
import tensorflow as tf

from backends.keras.arrays import Tensor
from common.countermeasures.loss import BinaryCrossEntropy, CrossEntropy, Loss, SquaredError
from common.network import Arrays

NATIVE = {
    "cross_entropy": "keras.losses.SparseCategoricalCrossentropy",
    "binary_cross_entropy": "keras.losses.BinaryCrossentropy",
    "squared_error": "keras.losses.MeanSquaredError",
}


def build(
    spec: Loss, dtype: str = "float64", reduction: str = "sum_over_batch_size"
) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of integer classes [...] or real targets [..., output], and outputs [..., output].

    That is Keras' order: `compile(loss=...)` takes it.
    """
    options: dict[str, Any] = {"reduction": reduction, "dtype": dtype}
    match spec:
        case CrossEntropy():
            return keras.losses.SparseCategoricalCrossentropy(from_logits=True, **options)
        case BinaryCrossEntropy():
            binary: Any = keras.losses.BinaryCrossentropy(from_logits=True, **options)
            return lambda classes, outputs: binary(
                tf.reshape(tf.cast(classes, dtype), tf.shape(outputs)), outputs
            )
        case SquaredError():
            squared: Any = keras.losses.MeanSquaredError(**options)
            return lambda wanted, outputs: squared(_targets(wanted, outputs), outputs)
        case _:
            assert_never(spec)


def _targets(wanted: Tensor, outputs: Tensor) -> Tensor:
    """Of the shape and type of outputs [..., output]: real targets as they are, classes one-hot.

    `fit` makes floats of classes [..., 1], so that their shape tells them apart: of one output
    there are no classes.
    """
    if len(wanted.shape) == len(outputs.shape) and wanted.shape[-1] == outputs.shape[-1]:
        return tf.cast(wanted, outputs.dtype)
    of_samples = tf.reshape(tf.cast(wanted, tf.int64), tf.shape(outputs)[:-1])
    return tf.one_hot(of_samples, outputs.shape[-1], dtype=outputs.dtype)


def probe(spec: Loss, inputs: Arrays) -> Arrays:
    """Loss and gradient.

    Args:
        spec: The loss.
        inputs: Outputs `z` [batch, output], and classes `y` [batch] or real targets [batch,
            output].

    Returns:
        `loss` [], and `gradient` of z's shape.
    """
    z: Tensor = tf.constant(inputs["z"])
    tape: Any
    with tf.GradientTape() as tape:
        tape.watch(z)
        loss = build(spec, z.dtype.name)(tf.constant(inputs["y"]), z)
    return {"loss": loss.numpy(), "gradient": tape.gradient(loss, z).numpy()}
