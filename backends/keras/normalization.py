"""Normalization in Keras: `keras.layers.BatchNormalization`, every number stated.

Trap: the defaults are momentum 0.99 and epsilon 1e-3, not 0.9 and 1e-5. A bare call `layer(x)` or `model(x)` is
evaluation: in a GradientTape of one's own, `training=True` has to be passed. The gradient goes through
(variance + epsilon)^(-3/2): where that times the gradient is below 1e-38, float32 has 0 for it, and what should cancel does not
(a deviation of 1e12 and a gradient of 1e-20: several times too large; PyTorch is right there).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from backends.keras.arrays import Tensor, Tensors, swapped
from backends.keras.block import Layer, Site
from common.countermeasures.normalization import BatchNormalization, NoNormalization, Normalization
from common.network import Arrays

NATIVE = {"batch": "keras.layers.BatchNormalization"}


class BatchNorm(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` for x [batch, unit], by the functions of `tf.nn` that it stands on."""

    def call(self, inputs: Tensor, training: bool = False, mask: None = None) -> Tensor:
        """Normalize by the batch's moments in training, by the running ones in evaluation."""
        held: Any = (self.gamma, self.beta, self.moving_mean, self.moving_variance)
        scale, shift, *running = (tf.convert_to_tensor(v) for v in held)
        mean, variance = tf.nn.moments(inputs, [0]) if training else running
        if training:
            held[2].assign(self.running(running[0], mean))
            held[3].assign(self.running(running[1], variance))
        return self.normalize(inputs, mean, variance, scale, shift)

    def normalize(self, inputs: Tensor, mean: Tensor, variance: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Output by these numbers [unit]."""
        return tf.nn.batch_normalization(inputs, mean, variance, shift, scale, self.epsilon)

    def running(self, old: Tensor, new: Tensor) -> Tensor:
        """A running moment after a batch with a new one."""
        return old * self.momentum + new * (1 - self.momentum)


def build(spec: Normalization) -> Callable[..., BatchNorm] | None:
    """A constructor of the layer, to be called with the dtype; None for no normalization."""
    match spec:
        case NoNormalization():
            return None
        case BatchNormalization(epsilon=epsilon, momentum=momentum):
            return partial(BatchNorm, epsilon=epsilon, momentum=momentum)


class Unchanged(Layer):
    """No normalization."""

    def __call__(self, p: Tensors, x: Tensor, site: Site) -> Tensor:
        """X as it is."""
        return x


class Normalized(Layer):
    """Batch norm, unit by unit: with the seeds' units side by side, [batch, seed * unit], it works seed by seed."""

    def __init__(self, native: BatchNorm, seeds: int, units: int) -> None:
        self.native, self.seeds, self.units = native, seeds, units

    def ready(self, name: str, a: Tensor) -> Tensor:
        """The seeds' units side by side."""
        return tf.reshape(a, (a.shape[0], -1))

    def __call__(self, p: Tensors, x: Tensor, site: Site) -> Tensor:
        """Normalized x [(seed,) batch, unit], by the batch's moments in training and by the running ones in evaluation."""
        alone = self.seeds == 1
        by_batch = x if alone else swapped(x)
        flat = x if alone else tf.reshape(by_batch, (-1, self.seeds * self.units))
        mean, variance = tf.nn.moments(flat, [0]) if site.training else (p["mean"], p["variance"])
        site.kept |= {"mean": mean, "variance": variance}
        normalized = self.native.normalize(flat, mean, variance, p["scale"], p["shift"])
        return normalized if alone else swapped(tf.reshape(normalized, by_batch.shape))

    def running(self, old: Tensor, new: Tensor) -> Tensor:
        """A running moment after a batch with a new one."""
        return self.native.running(old, new)


def layer(spec: Normalization, seeds: int, units: int, dtype: str) -> Layer:
    """The normalization for x [(seed,) batch, unit]."""
    constructor = build(spec)
    return Normalized(constructor(dtype=dtype), seeds, units) if constructor else Unchanged()


def probe(spec: BatchNormalization, inputs: Arrays) -> Arrays:
    """One training step and one evaluation of batch norm.

    Args:
        spec: Batch norm.
        inputs: `z` and `cotangent` [batch, width]; `scale`, `shift`, `mean`, `variance` [width], the last two running.

    Returns:
        `value` in training, `gradient`, `scale_gradient`, `shift_gradient`; `mean` and `variance` running after the
        step; `evaluated`, the value in evaluation mode by these.
    """
    constructor = build(spec)
    assert constructor is not None
    z: Tensor = tf.constant(inputs["z"])
    layer = constructor(dtype=z.dtype.name)
    layer.build(z.shape)
    layer.set_weights([inputs[name] for name in ("scale", "shift", "mean", "variance")])
    tape: Any
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = layer(z, training=True)
    sources = [z, *(variable.value for variable in layer.trainable_variables)]
    gradients = tape.gradient(value, sources, tf.constant(inputs["cotangent"]))
    evaluated = layer(z, training=False)
    outputs = [value, *gradients, layer.moving_mean, layer.moving_variance, evaluated]
    keys = ["value", "gradient", "scale_gradient", "shift_gradient", "mean", "variance", "evaluated"]
    return {key: output.numpy() for key, output in zip(keys, outputs, strict=True)}


def native(spec: BatchNormalization) -> Callable[..., keras.layers.BatchNormalization]:
    """Keras' own layer as it comes: momentum 0.99, epsilon 1e-3."""
    return keras.layers.BatchNormalization
