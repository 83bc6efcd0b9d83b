"""Normalization in Keras: `keras.layers.BatchNormalization` and its like.

Beside it `LayerNormalization` and `RMSNormalization`, every number stated.

Trap: the defaults are momentum 0.99 and epsilon 1e-3, not 0.9 and 1e-5; layer norm has 1e-3 too,
and rms norm 1e-6. A bare call `layer(x)` or `model(x)` is evaluation: in a GradientTape of one's
own, `training=True` has to be passed. The gradient goes through (variance + epsilon)^(-3/2): where
that times the gradient is below 1e-38, float32 has 0 for it, and what should cancel does not (a
deviation of 1e12 and a gradient of 1e-20: several times too large; PyTorch is right there). In a
batch of two nearly all cancels, and what was flushed leaves 1e-35 of a gradient that should be
1e-104 (ELU, He, 60 layers of 16 units, layer 11).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, assert_never

import keras
import tensorflow as tf

from backends.keras.arrays import Tensor, Tensors, swapped
from backends.keras.block import Layer, Site
from common.countermeasures.normalization import (
    BatchNormalization,
    LayerNormalization,
    NoNormalization,
    Normalization,
    RMSNormalization,
)
from common.network import Arrays
from common.placement import Kept

NATIVE = {
    "batch": "keras.layers.BatchNormalization",
    "layer": "keras.layers.LayerNormalization",
    "rms": "keras.layers.RMSNormalization",
}
PARAMETERS = {"scale": Kept("gamma"), "shift": Kept("beta")}
STATISTICS = {"mean": Kept("moving_mean"), "variance": Kept("moving_variance")}


class BatchNorm(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` for x [batch, unit], by functions of `tf.nn` below it."""

    def call(self, inputs: Tensor, training: bool = False, mask: None = None) -> Tensor:
        """Normalize by the batch's moments in training, by the running ones in evaluation."""
        held: Any = (self.gamma, self.beta, self.moving_mean, self.moving_variance)
        scale, shift, *running = (tf.convert_to_tensor(v) for v in held)
        mean, variance = tf.nn.moments(inputs, [0]) if training else running
        if training:
            held[2].assign(self.running(running[0], mean))
            held[3].assign(self.running(running[1], variance))
        return self.normalize(inputs, mean, variance, scale, shift)

    def normalize(
        self, inputs: Tensor, mean: Tensor, variance: Tensor, scale: Tensor, shift: Tensor
    ) -> Tensor:
        """Output by these numbers [unit]."""
        return tf.nn.batch_normalization(inputs, mean, variance, shift, scale, self.epsilon)

    def running(self, old: Tensor, new: Tensor) -> Tensor:
        """A running moment after a batch with a new one."""
        return old * self.momentum + new * (1 - self.momentum)


def over_units(inputs: Tensor, scale: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    """Layer norm of inputs [..., unit], by the functions of `tf.nn`."""
    mean, variance = tf.nn.moments(inputs, [-1], keepdims=True)
    return tf.nn.batch_normalization(inputs, mean, variance, shift, scale, epsilon)


def by_size(inputs: Tensor, scale: Tensor, epsilon: float) -> Tensor:
    """RMS norm of inputs [..., unit]."""
    size = tf.reduce_mean(tf.square(inputs), -1, keepdims=True)
    return inputs * tf.math.rsqrt(size + tf.constant(epsilon, inputs.dtype)) * scale


class LayerNorm(keras.layers.LayerNormalization):
    """`keras.layers.LayerNormalization` over the last axis, in two passes."""

    def call(self, inputs: Tensor) -> Tensor:
        """Inputs [..., unit], normalized."""
        return over_units(
            inputs, tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta), self.epsilon
        )


class RMSNorm(keras.layers.RMSNormalization):
    """`keras.layers.RMSNormalization` over the last axis."""

    @property
    def gamma(self) -> Any:
        """The scale, by the name that it has in the other norms."""
        return self.scale

    def call(self, inputs: Tensor) -> Tensor:
        """Inputs [..., unit], normalized."""
        return by_size(inputs, tf.convert_to_tensor(self.scale), self.epsilon)


def build(spec: Normalization) -> Callable[..., keras.layers.Layer] | None:
    """A constructor of the layer, to be called with the dtype; None for no normalization."""
    match spec:
        case NoNormalization():
            return None
        case BatchNormalization(epsilon=epsilon, momentum=momentum):
            return partial(BatchNorm, epsilon=epsilon, momentum=momentum)
        case LayerNormalization(epsilon=epsilon):
            return partial(LayerNorm, epsilon=epsilon)
        case RMSNormalization(epsilon=epsilon):
            return partial(RMSNorm, epsilon=epsilon)
        case _:
            assert_never(spec)


def module(
    spec: Normalization, units: int, inner: keras.layers.Layer, dtype: str = "float64"
) -> keras.layers.Layer:
    """The normalization as a part of a model."""
    constructor = build(spec)
    return constructor(dtype=dtype) if constructor else keras.layers.Identity(dtype=dtype)


class Unchanged(Layer):
    """No normalization."""

    def __call__(self, p: Tensors, x: Tensor, site: Site) -> Tensor:
        """X as it is."""
        return x


class Normalized(Layer):
    """Batch norm, unit by unit.

    With the seeds' units side by side, [batch, seed * unit], it works seed by seed.
    """

    def __init__(self, native: BatchNorm, seeds: int, units: int) -> None:
        self.native = native
        self.seeds = seeds
        self.units = units

    def ready(self, name: str, a: Tensor) -> Tensor:
        """The seeds' units side by side."""
        return tf.reshape(a, (a.shape[0], -1))

    def __call__(self, p: Tensors, x: Tensor, site: Site) -> Tensor:
        """Normalized x [(seed,) batch, unit].

        By the batch's moments in training and by the running ones in evaluation.
        """
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


class OverUnits(Layer):
    """Layer norm or rms norm, sample by sample."""

    def __init__(self, spec: LayerNormalization | RMSNormalization) -> None:
        self.epsilon = spec.epsilon

    def ready(self, name: str, a: Tensor) -> Tensor:
        """Scale and shift as they stand beside a batch."""
        return a[..., None, :]

    def __call__(self, p: Tensors, x: Tensor, site: Site) -> Tensor:
        """Normalized x [(seed,) batch, unit]."""
        if "shift" in p:
            return over_units(x, p["scale"], p["shift"], self.epsilon)
        return by_size(x, p["scale"], self.epsilon)


def layer(spec: Normalization, seeds: int, units: int, dtype: str) -> Layer:
    """The normalization for x [(seed,) batch, unit]."""
    match spec:
        case NoNormalization():
            return Unchanged()
        case BatchNormalization(epsilon=epsilon, momentum=momentum):
            return Normalized(
                BatchNorm(epsilon=epsilon, momentum=momentum, dtype=dtype), seeds, units
            )
        case LayerNormalization() | RMSNormalization():
            return OverUnits(spec)
        case _:
            assert_never(spec)


def probe(spec: Normalization, inputs: Arrays) -> Arrays:
    """One training step of a normalization and, of batch norm, one evaluation.

    Args:
        spec: The normalization.
        inputs: `z` and `cotangent` [batch, width]; `scale` [width], and `shift` if there is one;
            `mean` and `variance` [width], the running ones of batch norm.

    Returns:
        `value` in training, `gradient`, and `scale_gradient` and `shift_gradient`. Of batch norm
        `mean` and `variance` running after the step, and `evaluated`, the value in evaluation mode
        by these.
    """
    constructor = build(spec)
    assert constructor is not None
    z: Tensor = tf.constant(inputs["z"])
    layer: Any = constructor(dtype=z.dtype.name)
    layer.build(z.shape)
    names = ("scale", "shift", "mean", "variance")[: len(layer.weights)]
    layer.set_weights([inputs[name] for name in names])
    statistics = {"training": True} if layer.non_trainable_weights else {}
    tape: Any
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = layer(z, **statistics)
    sources = [z, *(variable.value for variable in layer.trainable_variables)]
    gradient, *own = tape.gradient(value, sources, tf.constant(inputs["cotangent"]))
    found = {"value": value, "gradient": gradient} | {
        f"{name}_gradient": a for name, a in zip(names, own, strict=False)
    }
    if statistics:
        running = {"mean": layer.moving_mean, "variance": layer.moving_variance}
        found |= {name: tf.identity(a.value) for name, a in running.items()} | {
            "evaluated": layer(z, training=False)
        }
    return {name: a.numpy() for name, a in found.items()}


def native(spec: Normalization) -> Callable[..., keras.layers.Layer]:
    """Keras' own layer as it comes: momentum 0.99, epsilon 1e-3, of rms norm 1e-6."""
    match spec:
        case NoNormalization():
            return keras.layers.Identity
        case BatchNormalization():
            return keras.layers.BatchNormalization
        case LayerNormalization():
            return keras.layers.LayerNormalization
        case RMSNormalization():
            return keras.layers.RMSNormalization
        case _:
            assert_never(spec)
