"""Initialization in JAX: `jax.nn.initializers`, with law and scale stated.

Trap: `glorot_normal`, `he_normal` and `lecun_normal` are truncated at two standard deviations (and
corrected for it); PyTorch's are not. `normal()` has a standard deviation of 0.01, `uniform()` is
one-sided, [0, 0.01). A `flax.linen.Dense` starts, unasked, from `lecun_normal`, truncated and of
standard deviation 1/sqrt(n_in), and its biases at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Literal, assert_never

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen
from jax.nn import initializers

from common.countermeasures.initialization import (
    Constant,
    Fan,
    FlaxDefault,
    Gaussian,
    He,
    Initialization,
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
    "normal": "jax.nn.initializers.normal",
    "uniform": "jax.nn.initializers.uniform",
    "truncated_normal": "jax.nn.initializers.truncated_normal",
    "gaussian": "jax.nn.initializers.normal",
    "xavier": "jax.nn.initializers.glorot_normal",
    "he": "jax.nn.initializers.he_normal",
    "orthogonal": "jax.nn.initializers.orthogonal",
    "constant": "jax.nn.initializers.constant",
    "flax_default": "flax.linen.Dense",
}

Initialize = Callable[..., jax.Array]


FANS: dict[Fan, Literal["fan_in", "fan_out", "fan_avg"]] = {
    "in": "fan_in",
    "out": "fan_out",
    "avg": "fan_avg",
}
"""Our names of the fans, and those of `variance_scaling`."""


def uniform(bound: float) -> Initialize:
    """An initializer on both sides of 0; `jax.nn.initializers.uniform` is one-sided."""
    return lambda key, shape, dtype: jax.random.uniform(key, shape, dtype, -bound, bound)


def build(spec: Initialization) -> Initialize:
    """An initializer of a kernel, called with a key, a shape (n_in, n_out) and a dtype."""
    law = law_of(spec)
    match law:
        case Gaussian(std=std, distribution="normal"):
            return initializers.normal(std)
        case Gaussian(std=std, distribution="truncated_normal"):
            return initializers.truncated_normal(std / TRUNCATED_STD)
        case Gaussian(std=std):
            return uniform(math.sqrt(3) * std)
        case Xavier(fan=fan, gain=gain, distribution=distribution):
            return initializers.variance_scaling(gain * gain, FANS[fan], distribution)
        case He(fan=fan, distribution=distribution):
            return initializers.variance_scaling(he_scale(law), FANS[fan], distribution)
        case Orthogonal(gain=gain):
            return initializers.orthogonal(gain)
        case Constant(value=value):
            return initializers.constant(value)
        case _:
            assert_never(law)


def bias(spec: Initialization, n_in: int) -> Initialize:
    """An initializer of the bias of a layer with n_in inputs.

    It is called with a key, a shape (n_out,) and a dtype.
    """
    match spec.bias:
        case 0:
            return initializers.zeros
        case "uniform_fan_in":
            return uniform(bias_bound(n_in))
        case _:
            assert_never(spec.bias)


def _draw(spec: Initialization, initialize: Initialize, inputs: Arrays) -> Arrays:
    n_in, n_out = (int(n) for n in inputs["shape"])
    first, second = jax.random.split(jax.random.key(int(inputs["seed"])))
    weight = initialize(first, (n_in, n_out), jnp.float64)
    biases = bias(spec, n_in)(second, (n_out,), jnp.float64)
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
    """What JAX ships under the name, as a function from the inputs of `probe` to its outputs."""
    if isinstance(spec, FlaxDefault):  # of a layer as it is born
        return partial(_draw, spec, linen.Dense(1).kernel_init)
    return partial(_draw, spec, _shipped(law_of(spec)))


def _shipped(law: Law) -> Initialize:
    match law:
        case Gaussian(std=std, distribution="truncated_normal"):
            return initializers.truncated_normal(std)
        case Gaussian(std=std, distribution="uniform"):
            return initializers.uniform(std)
        case Gaussian(std=std):
            return initializers.normal(std)
        case Xavier(fan="avg"):
            return (
                initializers.glorot_uniform()
                if law.distribution == "uniform"
                else initializers.glorot_normal()
            )
        case Xavier(fan="in"):
            return (
                initializers.lecun_uniform()
                if law.distribution == "uniform"
                else initializers.lecun_normal()
            )
        case He(fan="in", slope=0):
            return (
                initializers.he_uniform()
                if law.distribution == "uniform"
                else initializers.he_normal()
            )
        case Xavier() | He() | Orthogonal() | Constant():
            return build(law)  # by `variance_scaling`, with its numbers stated
        case _:
            assert_never(law)
