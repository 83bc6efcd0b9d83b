"""The affine map in Keras: `keras.layers.Dense`.

In the engine what it computes, for stacked weights.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from backends.keras.arrays import Tensor, Tensors
from backends.keras.block import Layer, Site
from common.part import Affine
from common.placement import Kept

NATIVE = {"affine": "keras.layers.Dense"}
PARAMETERS = {"weight": Kept("kernel"), "bias": Kept("bias")}


def build(spec: Affine, dtype: str = "float64") -> keras.layers.Dense:
    """The layer; it takes the number of inputs from the first that it gets."""
    return keras.layers.Dense(spec.units, use_bias=spec.bias, dtype=dtype)


def module(
    spec: Affine, units: int, inner: keras.layers.Layer, dtype: str = "float64"
) -> keras.layers.Layer:
    """The map as a part of a model."""
    return build(spec, dtype)


class Map(Layer):
    """x W + b."""

    def __init__(self, spec: Affine) -> None:
        self.bias = spec.bias

    def ready(self, name: str, a: Tensor) -> Tensor:
        """A bias as it is added to a batch."""
        return a[..., None, :] if name == "bias" else a

    def __call__(self, p: Tensors, x: Tensor, site: Site) -> Tensor:
        """The map of x [(seed,) batch, n_in], [(seed,) batch, n_out]."""
        product = tf.matmul(x, p["weight"])
        return product + p["bias"] if self.bias else product


def layer(spec: Affine, seeds: int, units: int, dtype: str) -> Map:
    """The map for x [(seed,) batch, unit]."""
    return Map(spec)
