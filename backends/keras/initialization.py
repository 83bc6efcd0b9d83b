"""Initialization in Keras: its initializers, with law and scale stated.

Trap: `GlorotNormal`, `HeNormal` and `LecunNormal` are truncated at two standard deviations (and
corrected for it); PyTorch's are not. `VarianceScaling(distribution="normal")` means the truncated
law too; the other is "untruncated_normal". An initializer with a seed gives the same numbers at
each call: two layers of one shape start equal. `Constant(0.3)` is 0.30000001192092896 in float64
too. A `keras.layers.Dense` starts, unasked, from `glorot_uniform`, of standard deviation
sqrt(2/(n_in + n_out)), and its biases at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, assert_never

import keras
import numpy as np
from keras import initializers

from common.countermeasures.initialization import (
    Constant,
    Gaussian,
    He,
    Initialization,
    KerasDefault,
    Law,
    Orthogonal,
    Xavier,
    bias_bound,
    he_scale,
    law_of,
)
from common.distribution import TRUNCATED_STD
from common.network import Arrays

NATIVE = {
    "normal": "keras.initializers.RandomNormal",
    "uniform": "keras.initializers.RandomUniform",
    "truncated_normal": "keras.initializers.TruncatedNormal",
    "gaussian": "keras.initializers.RandomNormal",
    "xavier": "keras.initializers.GlorotNormal",
    "he": "keras.initializers.HeNormal",
    "orthogonal": "keras.initializers.Orthogonal",
    "constant": "keras.initializers.Constant",
    "keras_default": "keras.layers.Dense",
}

Constructor = Callable[..., keras.initializers.Initializer]

DISTRIBUTIONS = {
    "normal": "untruncated_normal",
    "truncated_normal": "truncated_normal",
    "uniform": "uniform",
}
"""Our names of the laws, and those of `VarianceScaling`."""


class ExactConstant(initializers.Initializer):
    """A number that is not rounded to float32."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        """An array full of it."""
        return keras.ops.full(shape, self.value, dtype=dtype)


def seedless(initializer: keras.initializers.Initializer) -> Constructor:
    """A constructor of an initializer that draws nothing."""
    return lambda seed=None: initializer


def build(spec: Initialization) -> Constructor:
    """A constructor of the initializer of a kernel, to be called with a seed."""
    law = law_of(spec)
    match law:
        case Gaussian(std=std, distribution="normal"):
            return partial(initializers.RandomNormal, mean=0.0, stddev=std)
        case Gaussian(std=std, distribution="truncated_normal"):
            return partial(initializers.TruncatedNormal, mean=0.0, stddev=std / TRUNCATED_STD)
        case Gaussian(std=std):
            return partial(initializers.RandomUniform, -math.sqrt(3) * std, math.sqrt(3) * std)
        case Xavier(fan=fan, gain=gain, distribution=distribution):
            return partial(
                initializers.VarianceScaling, gain * gain, f"fan_{fan}", DISTRIBUTIONS[distribution]
            )
        case He(fan=fan, distribution=distribution):
            return partial(
                initializers.VarianceScaling,
                he_scale(law),
                f"fan_{fan}",
                DISTRIBUTIONS[distribution],
            )
        case Orthogonal(gain=gain):
            return partial(initializers.Orthogonal, gain=gain)
        case Constant(value=value):
            return seedless(ExactConstant(value))
        case _:
            assert_never(law)


def bias(spec: Initialization, n_in: int) -> Constructor:
    """A constructor of the bias initializer of a layer with n_in inputs, called with a seed."""
    match spec.bias:
        case 0:
            return seedless(initializers.Zeros())
        case "uniform_fan_in":
            return partial(initializers.RandomUniform, -bias_bound(n_in), bias_bound(n_in))
        case _:
            assert_never(spec.bias)


def _draw(spec: Initialization, constructor: Constructor, inputs: Arrays) -> Arrays:
    n_in, n_out = (int(n) for n in inputs["shape"])
    seed = int(inputs["seed"])
    weight = constructor(seed=seed)((n_in, n_out), dtype="float64")
    # a seed repeats its numbers
    biases = bias(spec, n_in)(seed=seed + 1)((n_out,), dtype="float64")
    return {"weight": np.asarray(weight), "bias": np.asarray(biases)}


def probe(spec: Initialization, inputs: Arrays) -> Arrays:
    """Weights and biases drawn by `build` and `bias`.

    Args:
        spec: The initialization.
        inputs: `shape` (n_in, n_out) and `seed`.

    Returns:
        `weight` [n_in, n_out] and `bias` [n_out].
    """
    return _draw(spec, build(spec), inputs)


def native(spec: Initialization) -> Callable[[Arrays], Arrays]:
    """What Keras ships under the name, as a function from the inputs of `probe` to its outputs."""
    if isinstance(spec, KerasDefault):
        born: Any = keras.layers.Dense(1).kernel_initializer
        return partial(_draw, spec, type(born))
    return partial(_draw, spec, _shipped(law_of(spec)))


def _shipped(law: Law) -> Constructor:
    match law:
        case Gaussian(std=std, distribution="truncated_normal"):
            return partial(initializers.TruncatedNormal, stddev=std)
        case Gaussian(std=std, distribution="uniform"):
            return partial(initializers.RandomUniform, -std, std)
        case Gaussian(std=std):
            return partial(initializers.RandomNormal, stddev=std)
        case Xavier(fan="avg"):
            return (
                initializers.GlorotUniform
                if law.distribution == "uniform"
                else initializers.GlorotNormal
            )
        case Xavier(fan="in"):
            return (
                initializers.LecunUniform
                if law.distribution == "uniform"
                else initializers.LecunNormal
            )
        case He(fan="in", slope=0):
            return (
                initializers.HeUniform if law.distribution == "uniform" else initializers.HeNormal
            )
        case Constant(value=value):
            return seedless(initializers.Constant(value))
        case Xavier() | He() | Orthogonal():  # by `VarianceScaling`, with its numbers stated
            return build(law)
        case _:
            assert_never(law)
