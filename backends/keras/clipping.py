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


class ClippedSGD(keras.optimizers.SGD):
    """SGD that clips the gradients of a model's variables before its step, in `fit` as in a loop of one's own."""

    of_a_parameter: int = 0
    """How many leading axes of a variable, such as a seed and a layer, are not part of a parameter."""
    of_a_network: int = 0
    """How many of these tell networks apart."""

    def __init__(self, clipping: Clipping, learning_rate: float) -> None:
        super().__init__(learning_rate)
        self.clipping = clipping

    def _clip_gradients(self, grads: list[Tensor]) -> list[Tensor]:
        if isinstance(self.clipping, NoClipping):
            return grads
        c: Tensor = tf.convert_to_tensor(self.clipping.threshold, grads[0].dtype)
        if isinstance(self.clipping, ValueClipping):
            return [tf.clip_by_value(g, -c, c) for g in grads]
        if isinstance(self.clipping, NormClipping):
            return [shortened(g, norm(g, self.of_a_parameter), c) for g in grads]
        norms = tf.stack([norm(g, self.of_a_network) for g in grads], axis=self.of_a_network)
        return [shortened(g, norm(norms, self.of_a_network), c) for g in grads]


class StackedSGD(ClippedSGD):
    """SGD for variables [seed, layer, ...]: clips each layer's parameter, or each seed's network, by itself.

    Its threshold may be a variable; that of `clipvalue` has to be a Python number.

    Attributes:
        observe: Called with the clipped gradients, in the order of the variables; the step waits for what it returns.
    """

    of_a_parameter, of_a_network = 2, 1

    def __init__(self, clipping: Clipping, learning_rate: float) -> None:
        super().__init__(clipping, learning_rate)
        self.observe: Callable[[list[Tensor]], list[Tensor]] = lambda clipped: []

    def _clip_gradients(self, grads: list[Tensor]) -> list[Tensor]:
        clipped = super()._clip_gradients(grads)
        # what is still to be read when it is changed in place, TensorFlow copies
        with tf.control_dependencies(self.observe(clipped)):
            return [tf.identity(g) for g in clipped]


def build(spec: Clipping) -> Callable[..., ClippedSGD]:
    """A constructor of the optimiser, to be called with the learning rate, for a model's own variables."""
    return partial(ClippedSGD, spec)


def layer(spec: Clipping) -> Callable[..., StackedSGD]:
    """A constructor of the optimiser, to be called with the learning rate, for variables [seed, layer, ...]."""
    return partial(StackedSGD, spec)


def probe(spec: Clipping, inputs: Arrays) -> Arrays:
    """Clipped gradients, for gradients [seed, layer, ...] by name."""
    optimizer, variables = layer(spec)(learning_rate=1.0), [keras.Variable(a) for a in inputs.values()]
    seen: list[Tensor] = []
    optimizer.observe = lambda clipped: seen.extend(clipped) or seen
    optimizer.apply([tf.constant(a) for a in inputs.values()], variables)
    return {name: g.numpy() for name, g in zip(inputs, seen, strict=True)}


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
