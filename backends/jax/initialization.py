"""Initialization in JAX: `jax.nn.initializers`, with law and scale stated.

Trap: `glorot_normal`, `he_normal` and `lecun_normal` are truncated at two standard deviations (and corrected for it); PyTorch's
are not. `normal()` has a standard deviation of 0.01, `uniform()` is one-sided, [0, 0.01). A `flax.linen.Dense` starts, unasked,
from `lecun_normal`, truncated and of standard deviation 1/sqrt(n_in), and its biases at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import initializers

from common.countermeasures.initialization import TRUNCATED_STD, Gaussian, He, Initialization, Xavier
from common.network import Arrays

NATIVE = {
    "normal": "jax.nn.initializers.normal",
    "uniform": "jax.nn.initializers.uniform",
    "truncated_normal": "jax.nn.initializers.truncated_normal",
    "gaussian": "jax.nn.initializers.normal",
    "xavier": "jax.nn.initializers.glorot_normal",
    "he": "jax.nn.initializers.he_normal",
}

Initialize = Callable[..., jax.Array]


def build(spec: Initialization) -> Initialize:
    """An initializer, called with a key, a shape (n_in, n_out) and a dtype."""
    match spec:
        case Gaussian(std=std, distribution="normal"):
            return initializers.normal(std)
        case Gaussian(std=std, distribution="truncated_normal"):
            return initializers.truncated_normal(std / TRUNCATED_STD)
        case Gaussian(std=std):
            bound = math.sqrt(3) * std  # jax.nn.initializers.uniform is one-sided
            return lambda key, shape, dtype: jax.random.uniform(key, shape, dtype, -bound, bound)
        case Xavier(fan=fan, distribution=distribution):
            return initializers.variance_scaling(1.0, "fan_in" if fan == "in" else "fan_avg", distribution)
        case He(distribution=distribution):
            return initializers.variance_scaling(2.0, "fan_in", distribution)


def _draw(initialize: Initialize, inputs: Arrays) -> Arrays:
    n_in, n_out = (int(n) for n in inputs["shape"])
    return {"weight": np.asarray(initialize(jax.random.key(int(inputs["seed"])), (n_in, n_out), jnp.float64))}


def probe(spec: Initialization, inputs: Arrays) -> Arrays:
    """Weights drawn by `build`.

    Args:
        spec: The initialization.
        inputs: `shape` (n_in, n_out) and `seed`.

    Returns:
        `weight` [n_in, n_out].
    """
    return _draw(build(spec), inputs)


def native(spec: Initialization) -> Callable[[Arrays], Arrays]:
    """What JAX ships under the name, as a function from the inputs of `probe` to its outputs."""
    return partial(_draw, _shipped(spec))


def _shipped(spec: Initialization) -> Initialize:
    uniform = spec.distribution == "uniform"
    match spec:
        case Gaussian(std=std, distribution="truncated_normal"):
            return initializers.truncated_normal(std)
        case Gaussian(std=std):
            return initializers.uniform(std) if uniform else initializers.normal(std)
        case Xavier(fan="avg"):
            return initializers.glorot_uniform() if uniform else initializers.glorot_normal()
        case Xavier():
            return initializers.lecun_uniform() if uniform else initializers.lecun_normal()
        case He():
            return initializers.he_uniform() if uniform else initializers.he_normal()
