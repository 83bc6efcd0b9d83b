"""Activation in Keras: its layers; Leaky ReLU, PReLU, ELU, SELU and GELU written out in TensorFlow.

Trap: the slope of Leaky ReLU is 0.3 in `keras.layers.LeakyReLU` and 0.2 under the name
"leaky_relu"; TensorFlow keeps it as a float32 attribute, so that 0.01 becomes 0.009999999776 in
float64 too. `keras.layers.PReLU` starts at 0, has a slope for every unit unless `shared_axes` says
otherwise, and the derivative 0 at 0. `keras.layers.ELU` computes exp(z) - 1, and its derivative
from that: near 0 the value loses its digits (in float64 it is 2e-5 off at -1e-12, and 0 at -1e-17),
far below 0 the derivative does (2e-4 off at -30, and 0 from about -37 on). `keras.activations.selu`
does the same, and has the derivative `scale` at 0, not `scale alpha`. `keras.activations.gelu` is
exact, `keras.ops.gelu` the approximation by tanh; both keep their constants in float32, so that in
float64 they are 4e-9 off at 0.5 and 1e-6 at -8.5, and 1 + tanh is 0 from -7.2 on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, assert_never

import keras
import tensorflow as tf

from backends.keras.arrays import Tensor, Tensors
from backends.keras.block import Layer, Site
from common.countermeasures.activation import (
    ELU,
    GELU,
    GELU_CUBIC,
    SELU,
    Activation,
    Identity,
    LeakyReLU,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Tanh,
    dead_where_output_is_not_positive,
)
from common.network import Arrays
from common.placement import Kept

NATIVE = {
    "identity": "keras.activations.linear",
    "sigmoid": "keras.activations.sigmoid",
    "tanh": "keras.activations.tanh",
    "relu": "keras.layers.ReLU",
    "leaky_relu": "keras.layers.LeakyReLU",
    "prelu": "keras.layers.PReLU",
    "elu": "keras.layers.ELU",
    "selu": "keras.activations.selu",
    "gelu": "keras.activations.gelu",
    "silu": "keras.activations.silu",
}
PARAMETERS = {"slope": Kept("alpha", (None, None))}


def leaky_relu(z: Tensor, slope: float | Tensor) -> Tensor:
    """Leaky ReLU, with the derivative `slope` at 0.

    That of `tf.nn.relu` is 0 there, and that of `tf.minimum` is 1.
    """
    return tf.nn.relu(z) + tf.convert_to_tensor(slope, z.dtype) * tf.minimum(
        z, tf.zeros((), z.dtype)
    )


def elu(z: Tensor, alpha: float) -> Tensor:
    """ELU, with the derivative `alpha` at 0.

    The derivative is the exponential, and not the value + alpha. `expm1` cancels nowhere;
    tanh(z / 2) (exp(z) + 1), which shares the exponential with the derivative, takes nine tenths of
    the time, and flushes z / 2 to 0 where z is still normal.
    """

    @tf.custom_gradient
    def of(z: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        low = tf.minimum(z, 0.0)
        exponential = tf.exp(low)
        below = exponential if alpha == 1 else alpha * exponential

        def gradient(cotangent: Tensor) -> Tensor:
            # above 0 the exponential is that of 0
            return cotangent * (below if alpha == 1 else tf.where(z > 0, tf.ones_like(z), below))

        value = tf.math.expm1(low)
        return tf.nn.relu(z) + (value if alpha == 1 else alpha * value), gradient

    return of(z)


def exact_gelu(z: Tensor) -> Tensor:
    """GELU by erfc, which keeps its digits far below 0; its constant is in z's precision."""
    return z * (tf.math.erfc(-math.sqrt(0.5) * z) / 2)


def tanh_gelu(z: Tensor) -> Tensor:
    """GELU's approximation by tanh, its (1 + tanh(u)) / 2 as the logistic function of 2 u."""
    bounded = tf.clip_by_value(z, -25, 25)  # beyond it is z or 0, and the cubic would overflow
    return z * tf.sigmoid(math.sqrt(8 / math.pi) * bounded * (1 + GELU_CUBIC * bounded * bounded))


class FixedLeakyReLU(keras.layers.Layer):
    """Leaky ReLU whose slope is not rounded to float32."""

    def __init__(self, slope: float, dtype: str) -> None:
        super().__init__(dtype=dtype)
        self.slope = slope

    def call(self, inputs: Tensor) -> Tensor:
        """The activation of the inputs."""
        return leaky_relu(inputs, self.slope)


class AccurateELU(keras.layers.Layer):
    """ELU, or SELU with its scale, that keeps its digits."""

    def __init__(self, alpha: float, dtype: str, scale: float = 1.0) -> None:
        super().__init__(dtype=dtype)
        self.alpha = alpha
        self.scale = scale

    def call(self, inputs: Tensor) -> Tensor:
        """The activation of the inputs."""
        value = elu(inputs, self.alpha)
        return value if self.scale == 1 else self.scale * value


class SharedPReLU(keras.layers.Layer):
    """PReLU with one slope for x [batch, unit]; an axis before the batch has slopes of its own."""

    def __init__(self, initial_slope: float, dtype: str) -> None:
        super().__init__(dtype=dtype)
        self.initial_slope = initial_slope

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the slope, of shape [..., 1, 1]."""
        self.alpha = self.add_weight(
            shape=(*input_shape[:-2], 1, 1), initializer="zeros", name="alpha"
        )
        self.alpha.assign(
            tf.fill(self.alpha.shape, tf.constant(self.initial_slope, self.alpha.dtype))
        )

    def call(self, inputs: Tensor) -> Tensor:
        """The activation of the inputs."""
        return leaky_relu(inputs, tf.convert_to_tensor(self.alpha))


def build(spec: Activation, dtype: str = "float64") -> keras.layers.Layer:
    """The layer for x [batch, unit]; PReLU has its one slope in `alpha`, of shape [1, 1]."""
    match spec:
        case Identity():
            return keras.layers.Activation("linear", dtype=dtype)
        case Sigmoid() | Tanh() | SiLU():
            return keras.layers.Activation(spec.kind, dtype=dtype)
        case ReLU():
            return keras.layers.ReLU(dtype=dtype)
        case LeakyReLU(slope=slope):
            return FixedLeakyReLU(slope, dtype=dtype)
        case PReLU(initial_slope=slope):
            return SharedPReLU(slope, dtype=dtype)
        case ELU(alpha=alpha):
            return AccurateELU(alpha, dtype=dtype)
        case SELU(alpha=alpha, scale=scale):
            return AccurateELU(alpha, dtype=dtype, scale=scale)
        case GELU(approximation="none"):
            return keras.layers.Activation(exact_gelu, dtype=dtype)
        case GELU():
            return keras.layers.Activation(tanh_gelu, dtype=dtype)
        case _:
            assert_never(spec)


def module(
    spec: Activation, units: int, inner: keras.layers.Layer, dtype: str = "float64"
) -> keras.layers.Layer:
    """The activation as a part of a model."""
    return build(spec, dtype)


class Activated(Layer):
    """The activation of a layer's pre-activations."""

    def __init__(self, spec: Activation, seeds: int, units: int, dtype: str) -> None:
        self.native = build(spec, dtype)
        self.told_by_output = dead_where_output_is_not_positive(spec)
        self.native.build((seeds, None, units) if seeds > 1 else (None, units))

    def ready(self, name: str, a: Tensor) -> Tensor:
        """A slope as it is multiplied with a batch."""
        return a[..., None, None]

    def __call__(self, p: Tensors, x: Tensor, site: Site) -> Tensor:
        """The activation of x [(seed,) batch, unit], by `slope` if it is trained."""
        if "slope" not in p:
            y = self.native(x)
            site.kept["tells"] = y if self.told_by_output else x
            return y
        site.kept["tells"] = x
        found: Any = self.native.stateless_call([p["slope"]], [], x)
        return found[0]


def layer(spec: Activation, seeds: int, units: int, dtype: str) -> Activated:
    """The activation for x [(seed,) batch, unit]."""
    return Activated(spec, seeds, units, dtype)


def probe(spec: Activation, inputs: Arrays) -> Arrays:
    """Value and gradient of the activation.

    Args:
        spec: The activation.
        inputs: `z` and `cotangent`, of one shape; their precision is that of the computation.

    Returns:
        `value`, `gradient` (cotangent times derivative) and, for PReLU, `slope_gradient` of shape
        [].
    """
    z: Tensor = tf.constant(inputs["z"])
    layer = build(spec, z.dtype.name)
    tape: Any
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = layer(z)
    sources = [z, *(variable.value for variable in layer.trainable_variables)]
    gradient, *slope = tape.gradient(value, sources, tf.constant(inputs["cotangent"]))
    outputs = {"value": value.numpy(), "gradient": gradient.numpy()}
    return outputs | {"slope_gradient": slope[0].numpy().reshape(())} if slope else outputs


def native(spec: LeakyReLU | PReLU | ELU | SELU | GELU) -> keras.layers.Layer:
    """What Keras ships under the name, with its own defaults."""
    match spec:
        case LeakyReLU():
            return keras.layers.LeakyReLU()
        case PReLU():
            return keras.layers.PReLU()
        case ELU():
            return keras.layers.ELU()
        case SELU() | GELU():
            return keras.layers.Activation(spec.kind)
        case _:
            assert_never(spec)
