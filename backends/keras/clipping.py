"""Clipping in Keras: an argument of the optimiser, at most one of `clipvalue`, `clipnorm` and `global_clipnorm`.

Trap: `clipnorm` is the norm of each variable by itself; the norm of the whole network is `global_clipnorm`. A threshold of 0
switches clipping off. Where an element is infinite, `clipnorm` turns the others to 0 in silence. What a variable holds
decides: a stack of layers in one variable would be clipped as one, so here the norms are taken seed by seed and layer by
layer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras
import tensorflow as tf

from backends.keras.arrays import Tensor, safe_scale
from common.countermeasures.clipping import Clipping, GlobalNormClipping, NoClipping, NormClipping, ValueClipping
from common.network import Arrays

NATIVE = {
    "none": "keras.optimizers.SGD",
    "value": "keras.optimizers.SGD.clipvalue",
    "norm": "keras.optimizers.SGD.clipnorm",
    "global_norm": "keras.optimizers.SGD.global_clipnorm",
}

Constructor = Callable[..., keras.optimizers.SGD]


def norm(gradient: Tensor, leading: int) -> Tensor:
    """The Euclidean norm over all axes but the leading ones; scale-safe."""
    axes = tuple(range(leading, len(gradient.shape)))
    if not axes:
        return tf.abs(gradient)
    scale = safe_scale(gradient, axes)
    return tf.squeeze(scale * tf.sqrt(tf.reduce_sum(tf.square(gradient / scale), axes, keepdims=True)), axes)


def shortened(gradient: Tensor, norms: Tensor, threshold: Tensor) -> Tensor:
    """The gradient, brought to the threshold where its norm is above it; NaN where the norm is not finite.

    Sixteenths, and the division first, because TensorFlow flushes subnormal numbers to 0: threshold / norm may be one,
    and so may the reciprocal of a norm near the largest number.
    """
    norms = tf.reshape(norms, norms.shape + [1] * (len(gradient.shape) - len(norms.shape)))
    clipped = tf.where(norms > threshold, (gradient / 16) / (norms / 16) * threshold, gradient)
    return tf.where(tf.math.is_finite(norms), clipped, tf.constant(float("nan"), norms.dtype))


class StackedSGD(keras.optimizers.SGD):
    """SGD for variables [seed, layer, ...]: clips each layer's parameter, or each seed's network, by itself.

    Its threshold may be a variable; that of `clipvalue` has to be a Python number.
    """

    def __init__(self, clipping: ValueClipping | NormClipping | GlobalNormClipping, learning_rate: float) -> None:
        super().__init__(learning_rate)
        self.clipping = clipping

    def _clip_gradients(self, grads: list[Tensor]) -> list[Tensor]:
        c: Tensor = tf.convert_to_tensor(self.clipping.threshold, grads[0].dtype)
        if isinstance(self.clipping, ValueClipping):
            return [tf.clip_by_value(g, -c, c) for g in grads]
        if isinstance(self.clipping, NormClipping):
            return [shortened(g, norm(g, 2), c) for g in grads]
        norms = tf.stack([norm(g, 1) for g in grads], axis=1)
        return [shortened(g, norm(norms, 1), c) for g in grads]


def build(spec: Clipping) -> Constructor:
    """A constructor of the optimiser, to be called with the learning rate, for variables [seed, layer, ...]."""
    match spec:
        case NoClipping():
            return keras.optimizers.SGD
        case ValueClipping() | NormClipping() | GlobalNormClipping():
            return partial(StackedSGD, spec)


def clipped(optimizer: keras.optimizers.SGD, gradients: list[Tensor]) -> list[Tensor]:
    """What the optimiser will step by; Keras has no public name for it."""
    return optimizer._clip_gradients(gradients)


def probe(spec: Clipping, inputs: Arrays) -> Arrays:
    """Clipped gradients, for gradients [seed, layer, ...] by name."""
    found = clipped(build(spec)(learning_rate=1.0), [tf.constant(a) for a in inputs.values()])
    return {name: g.numpy() for name, g in zip(inputs, found, strict=True)}


def native(spec: Clipping) -> Constructor:
    """Keras' own optimiser, for a model whose parameters are variables of their own."""
    match spec:
        case NoClipping():
            return keras.optimizers.SGD
        case ValueClipping(threshold=c):
            return partial(keras.optimizers.SGD, clipvalue=c)
        case NormClipping(threshold=c):
            return partial(keras.optimizers.SGD, clipnorm=c)
        case GlobalNormClipping(threshold=c):
            return partial(keras.optimizers.SGD, global_clipnorm=c)
