"""Clipping in Keras: an argument of every optimizer.

It is at most one of `clipvalue`, `clipnorm` and `global_clipnorm`.

Trap: `clipnorm` is the norm of each variable by itself; the norm of the whole network is
`global_clipnorm`. A threshold of 0 switches clipping off. Where an element is infinite, `clipnorm`
turns the others to 0 in silence. What a variable holds decides: a stack of layers in one variable
would be clipped as one, so here the norms are taken seed by seed and layer by layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

import keras
import tensorflow as tf

from backends.keras.arrays import Tensor, Tensors, safe_scale
from common.countermeasures.clipping import (
    Clipping,
    GlobalNormClipping,
    NoClipping,
    NormClipping,
    ValueClipping,
    changes,
)
from common.network import Arrays

NATIVE = {
    "none": "keras.optimizers.Optimizer",
    "value": "keras.optimizers.Optimizer.clipvalue",
    "norm": "keras.optimizers.Optimizer.clipnorm",
    "global_norm": "keras.optimizers.Optimizer.global_clipnorm",
}


def norm(gradient: Tensor, leading: int) -> Tensor:
    """The Euclidean norm over all axes but the leading ones; scale-safe."""
    axes = tuple(range(leading, len(gradient.shape)))
    if not axes:
        return tf.abs(gradient)
    scale = safe_scale(gradient, axes)
    return tf.squeeze(
        scale * tf.sqrt(tf.reduce_sum(tf.square(gradient / scale), axes, keepdims=True)), axes
    )


def shortened(gradient: Tensor, norms: Tensor, threshold: Tensor) -> Tensor:
    """The gradient, brought to the threshold if its norm is above; NaN if that is not finite.

    Sixteenths, and the division first, because TensorFlow flushes subnormal numbers to 0:
    threshold / norm may be one, and so may the reciprocal of a norm near the largest number.
    """
    norms = tf.reshape(norms, norms.shape + [1] * (len(gradient.shape) - len(norms.shape)))
    clipped = tf.where(norms > threshold, (gradient / 16) / (norms / 16) * threshold, gradient)
    return tf.where(tf.math.is_finite(norms), clipped, tf.constant(float("nan"), norms.dtype))


def clipped_together(spec: Clipping, leading: int, gradients: list[Tensor]) -> list[Tensor]:
    """The clipped gradients of a network.

    Args:
        spec: Its numbers may be a framework's own.
        leading: How many axes tell networks apart, and as many more the layers of each, of which
            each has its own parameters.
        gradients: [(seed, layer,) ...].
    """
    match spec:
        case NoClipping():
            return gradients
        case ValueClipping(threshold=threshold):
            c = _number(threshold, gradients)
            return [tf.clip_by_value(g, -c, c) for g in gradients]
        case NormClipping(threshold=threshold):
            c = _number(threshold, gradients)
            return [shortened(g, norm(g, 2 * leading), c) for g in gradients]
        case GlobalNormClipping(threshold=threshold):
            c = _number(threshold, gradients)
            whole = norm(tf.stack([norm(g, leading) for g in gradients], axis=leading), leading)
            return [shortened(g, whole, c) for g in gradients]
        case _:
            assert_never(spec)


def _number(threshold: Any, gradients: list[Tensor]) -> Tensor:
    return tf.convert_to_tensor(threshold, gradients[0].dtype)


def build(spec: Clipping) -> Callable[[keras.optimizers.Optimizer], keras.optimizers.Optimizer]:
    """A function that makes a Keras optimizer clip before its step, in `fit` or one's own loop."""

    def clip(grads: list[Tensor]) -> list[Tensor]:
        return clipped_together(spec, 0, grads)

    def clipping(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
        optimizer._clip_gradients = clip
        return optimizer

    return clipping


def layer(spec: Clipping) -> Callable[[Tensors], Tensors]:
    """A function from gradients [seed, layer, ...] by name to the clipped ones.

    Each layer and each seed is clipped by itself.
    """

    def clip(gradients: Tensors) -> Tensors:
        clipped = clipped_together(spec, 1, list(gradients.values()))
        return dict(zip(gradients, clipped, strict=True))

    return clip if changes(spec) else lambda gradients: gradients


def probe(spec: Clipping, inputs: Arrays) -> Arrays:
    """Clipped gradients, for gradients [seed, layer, ...] by name."""
    clipped = layer(spec)({name: tf.constant(a) for name, a in inputs.items()})
    return {name: g.numpy() for name, g in clipped.items()}


def native(spec: Clipping) -> dict[str, float]:
    """Keras' argument of any optimizer, for a model whose parameters are variables of their own."""
    match spec:
        case NoClipping():
            return {}
        case ValueClipping(threshold=c):
            return {"clipvalue": c}
        case NormClipping(threshold=c):
            return {"clipnorm": c}
        case GlobalNormClipping(threshold=c):
            return {"global_clipnorm": c}
        case _:
            assert_never(spec)
