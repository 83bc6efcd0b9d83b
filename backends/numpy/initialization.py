"""Initialization, as defined: the law that all wings get their weights from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from common.countermeasures.initialization import Initialization, standard_deviation
from common.draw import standardized
from common.network import Arrays

NATIVE = {
    "normal": "numpy.random.Generator.standard_normal",
    "uniform": "numpy.random.Generator.uniform",
    "truncated_normal": "scipy.special.ndtri",
}

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


def build(spec: Initialization) -> Draw:
    """A function from a random stream and a shape (n_in, n_out) to weights."""
    return lambda rng, shape: standardized(rng, spec.distribution, shape) * standard_deviation(spec, *shape)


def probe(spec: Initialization, inputs: Arrays) -> Arrays:
    """Weights drawn by `build`.

    Args:
        spec: The initialization.
        inputs: `shape` (n_in, n_out) and `seed`.

    Returns:
        `weight` [n_in, n_out].
    """
    n_in, n_out = (int(n) for n in inputs["shape"])
    return {"weight": build(spec)(np.random.default_rng(int(inputs["seed"])), (n_in, n_out))}
