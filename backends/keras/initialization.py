"""Initialization in Keras: its initializers, with law and scale stated.

Trap: `GlorotNormal`, `HeNormal` and `LecunNormal` are truncated at two standard deviations (and corrected for it); PyTorch's
are not. `VarianceScaling(distribution="normal")` means the truncated law too; the other is "untruncated_normal". An initializer
with a seed gives the same numbers at each call: two layers of one shape start equal. A `keras.layers.Dense` starts, unasked,
from `glorot_uniform`, of standard deviation sqrt(2/(n_in + n_out)), and its biases at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import keras
import numpy as np
from keras import initializers

from common.countermeasures.initialization import TRUNCATED_STD, Gaussian, He, Initialization, Xavier
from common.network import Arrays

NATIVE = {
    "normal": "keras.initializers.RandomNormal",
    "uniform": "keras.initializers.RandomUniform",
    "truncated_normal": "keras.initializers.TruncatedNormal",
    "gaussian": "keras.initializers.RandomNormal",
    "xavier": "keras.initializers.GlorotNormal",
    "he": "keras.initializers.HeNormal",
}

Constructor = Callable[..., keras.initializers.Initializer]

DISTRIBUTIONS = {"normal": "untruncated_normal", "truncated_normal": "truncated_normal", "uniform": "uniform"}
"""Our names of the laws, and those of `VarianceScaling`."""


def build(spec: Initialization) -> Constructor:
    """A constructor of the initializer, to be called with a seed."""
    match spec:
        case Gaussian(std=std, distribution="normal"):
            return partial(initializers.RandomNormal, mean=0.0, stddev=std)
        case Gaussian(std=std, distribution="truncated_normal"):
            return partial(initializers.TruncatedNormal, mean=0.0, stddev=std / TRUNCATED_STD)
        case Gaussian(std=std):
            return partial(initializers.RandomUniform, -math.sqrt(3) * std, math.sqrt(3) * std)
        case Xavier(fan=fan, distribution=law):
            return partial(initializers.VarianceScaling, 1.0, f"fan_{fan}", DISTRIBUTIONS[law])
        case He(distribution=law):
            return partial(initializers.VarianceScaling, 2.0, "fan_in", DISTRIBUTIONS[law])


def _draw(constructor: Constructor, inputs: Arrays) -> Arrays:
    n_in, n_out = (int(n) for n in inputs["shape"])
    return {"weight": np.asarray(constructor(seed=int(inputs["seed"]))((n_in, n_out), dtype="float64"))}


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
    """What Keras ships under the name, as a function from the inputs of `probe` to its outputs."""
    return partial(_draw, _shipped(spec))


def _shipped(spec: Initialization) -> Constructor:
    uniform = spec.distribution == "uniform"
    match spec:
        case Gaussian(std=std, distribution="truncated_normal"):
            return partial(initializers.TruncatedNormal, stddev=std)
        case Gaussian(std=std):
            return partial(initializers.RandomUniform, -std, std) if uniform else partial(initializers.RandomNormal, stddev=std)
        case Xavier(fan="avg"):
            return initializers.GlorotUniform if uniform else initializers.GlorotNormal
        case Xavier():
            return initializers.LecunUniform if uniform else initializers.LecunNormal
        case He():
            return initializers.HeUniform if uniform else initializers.HeNormal
