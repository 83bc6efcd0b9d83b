"""Skip connections in Keras: a layer that holds the layer.

Trap: `keras.layers.Add` adds without a scale. A scale of one's own has to be a weight of the
layer's dtype: a Python number that becomes a tensor by `tf.cast` or `keras.ops.cast` goes through
float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

import keras
import tensorflow as tf

from backends.keras.arrays import Tensor, Tensors
from backends.keras.block import Block, Layer, Site
from common.countermeasures.skip import Around, Highway, NoSkip, Residual, ReZero, Skip
from common.network import Arrays
from common.placement import Kept

NATIVE = {"residual": "keras.layers.Add"}
PARAMETERS = {
    "skip_scale": Kept("scale"),
    "gate_weight": Kept("gate.kernel"),
    "gate_bias": Kept("gate.bias"),
}


class Skipped(keras.layers.Layer):
    """A layer, and a connection past it."""

    def __init__(self, spec: Skip, inner: keras.layers.Layer, dtype: str) -> None:
        super().__init__(dtype=dtype)
        self.spec = spec
        self.inner = inner
        self.gate = None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create what is trained of the connection, for inputs [batch, unit]."""
        self.inner.build(input_shape)
        match self.spec:
            case ReZero(initial_scale=scale):
                self.scale = self.add_weight(shape=(), initializer="zeros", name="scale")
                self.scale.assign(tf.constant(scale, self.scale.dtype))
            case Highway(initial_bias=bias):
                start: Any = keras.initializers.Constant(bias)
                self.gate = keras.layers.Dense(
                    input_shape[-1], "sigmoid", bias_initializer=start, dtype=self.dtype
                )
                self.gate.build(input_shape)
            case NoSkip() | Residual():
                pass
            case _:
                assert_never(self.spec)

    def call(self, inputs: Tensor) -> Tensor:
        """The layer's output and its inputs [batch, unit], joined."""
        f: Any = self.inner(inputs)
        match self.spec:
            case NoSkip():
                return f
            case Residual(scale=scale):
                return inputs + tf.constant(scale, f.dtype) * f
            case ReZero():
                return inputs + tf.convert_to_tensor(self.scale) * f
            case Highway():
                assert self.gate
                t: Any = self.gate(inputs)
                return t * f + (1 - t) * inputs
            case _:
                assert_never(self.spec)


def build(spec: Skip, dtype: str = "float64") -> Callable[[keras.layers.Layer], Skipped]:
    """A constructor, to be called with a layer that has as many units out as in."""
    return lambda inner: Skipped(spec, inner, dtype)


def module(
    spec: Around, units: int, inner: keras.layers.Layer, dtype: str = "float64"
) -> keras.layers.Layer:
    """A layer and the connection past it as a part of a model."""
    return build(spec.spec, dtype)(inner)


class Connected(Layer):
    """Parts of a layer with a connection past them."""

    def __init__(self, spec: Around, seeds: int, units: int, dtype: str) -> None:
        self.spec = spec.spec
        self.inner = Block(spec.inner, seeds, units, dtype)
        self.owners = self.inner.owners

    def ready(self, name: str, a: Tensor) -> Tensor:
        """What is trained of the connection, as it is added to a batch or multiplied with it."""
        match name:
            case "skip_scale":
                return a[..., None, None]
            case "gate_bias":
                return a[..., None, :]
            case _:
                return a

    def __call__(self, p: Tensors, x: Tensor, site: Site) -> Tensor:
        """The output for x [(seed,) batch, unit]."""
        f = self.inner(p, x, site)
        match self.spec:
            case NoSkip():
                return f
            case Residual(scale=scale):
                return x + tf.convert_to_tensor(scale, x.dtype) * f
            case ReZero():
                return x + p["skip_scale"] * f
            case Highway():
                t = tf.sigmoid(tf.matmul(x, p["gate_weight"]) + p["gate_bias"])
                return t * f + (1 - t) * x
            case _:
                assert_never(self.spec)


def layer(spec: Around, seeds: int, units: int, dtype: str) -> Connected:
    """The parts for x [(seed,) batch, unit]."""
    return Connected(spec, seeds, units, dtype)


def probe(spec: Skip, inputs: Arrays) -> Arrays:
    """Value and gradient of a connection past an affine map without bias.

    Args:
        spec: The connection.
        inputs: `x` and `cotangent` [batch, unit], `weight` [unit, unit] of the map, and what is
            trained of the connection.

    Returns:
        `value`; `gradient` with respect to x; `weight_gradient`, and that of every parameter of the
        connection.
    """
    x: Tensor = tf.constant(inputs["x"])
    dense = keras.layers.Dense(x.shape[-1], use_bias=False, dtype=x.dtype.name)
    skipped = build(spec, x.dtype.name)(dense)
    skipped.build(x.shape)
    names = [
        name for name in ("skip_scale", "weight", "gate_weight", "gate_bias") if name in inputs
    ]
    held: Any = {"skip_scale": getattr(skipped, "scale", None), "weight": dense.kernel}
    held |= (
        {"gate_weight": skipped.gate.kernel, "gate_bias": skipped.gate.bias} if skipped.gate else {}
    )
    for name in names:
        held[name].assign(inputs[name])
    tape: Any
    with tf.GradientTape() as tape:
        tape.watch(x)
        value: Any = skipped(x)
    gradient, *found = tape.gradient(
        value, [x, *(held[name].value for name in names)], tf.constant(inputs["cotangent"])
    )
    gradients = {f"{name}_gradient": a.numpy() for name, a in zip(names, found, strict=True)}
    return {"value": value.numpy(), "gradient": gradient.numpy(), **gradients}
