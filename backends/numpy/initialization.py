"""Initialization, as defined: the law that all wings get their weights from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from common.countermeasures import initialization
from common.countermeasures.initialization import Initialization
from common.network import Arrays

NATIVE = {
    "normal": "numpy.random.Generator.standard_normal",
    "uniform": "numpy.random.Generator.uniform",
    "truncated_normal": "scipy.special.ndtri",
    "orthogonal": "numpy.linalg.qr",
    "constant": "numpy.full",
}

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
DrawBias = Callable[[np.random.Generator, int], np.ndarray]


def build(spec: Initialization) -> Draw:
    """A function from a random stream and a shape (n_in, n_out) to weights."""
    return partial(initialization.weights, spec)


def bias(spec: Initialization, n_in: int) -> DrawBias:
    """A function from a random stream and n_out to the biases of an affine map with n_in inputs."""
    return lambda rng, n_out: initialization.biases(spec, rng, n_in, n_out)


def probe(spec: Initialization, inputs: Arrays) -> Arrays:
    """Weights and biases drawn by `build` and `bias`.

    Args:
        spec: The initialization.
        inputs: `shape` (n_in, n_out) and `seed`.

    Returns:
        `weight` [n_in, n_out] and `bias` [n_out].
    """
    n_in, n_out = (int(n) for n in inputs["shape"])
    rng = np.random.default_rng(int(inputs["seed"]))
    return {"weight": build(spec)(rng, (n_in, n_out)), "bias": bias(spec, n_in)(rng, n_out)}
