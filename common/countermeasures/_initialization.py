"""Weights and biases drawn by the laws that initialization.py, of the same room, states."""

from __future__ import annotations

from typing import assert_never

import numpy as np

from common.countermeasures.initialization import (
    TRUNCATED_STD,
    Bias,
    Constant,
    Distribution,
    Gaussian,
    He,
    Initialization,
    Orthogonal,
    Xavier,
    bias_bound,
    law_of,
    standard_deviation,
)


def weights(spec: Initialization, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Weights [n_in, n_out], drawn by the spec's law."""
    law = law_of(spec)
    match law:
        case Gaussian() | Xavier() | He():
            return standardized(rng, law.distribution, shape) * standard_deviation(law, *shape)
        case Orthogonal(gain=gain):
            return gain * orthogonal(rng, shape)
        case Constant(value=value):
            return np.full(shape, value)
        case _:
            assert_never(law)


def biases(spec: Initialization, rng: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
    """Biases [n_out] of an affine map with n_in inputs, by the spec's law for them."""
    bias: Bias = spec.bias
    match bias:
        case 0:
            return np.zeros(n_out)
        case "uniform_fan_in":
            bound = bias_bound(n_in)
            return rng.uniform(-bound, bound, n_out)
        case _:
            assert_never(bias)


def standardized(
    rng: np.random.Generator, distribution: Distribution, shape: tuple[int, ...]
) -> np.ndarray:
    """Numbers of mean 0 and standard deviation 1 from the named law (table of distributions)."""
    match distribution:
        case "normal":
            return rng.standard_normal(shape)
        case "uniform":
            return rng.uniform(-np.sqrt(3.0), np.sqrt(3.0), shape)
        # by the inverse of the distribution function, so that one uniform number gives one weight
        case "truncated_normal":
            from scipy.special import ndtr, ndtri

            return ndtri(rng.uniform(ndtr(-2.0), ndtr(2.0), shape)) / TRUNCATED_STD
        case _:
            assert_never(distribution)


def orthogonal(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A matrix with orthonormal columns, or rows where there are fewer, uniform among them."""
    q, r = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))
    columns = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return columns if shape[0] >= shape[1] else columns.T
