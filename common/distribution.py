"""Distributions at a standard deviation of 1, and orthogonal matrices: what weights are drawn from.

The room of initialization scales them.
"""

from __future__ import annotations

from typing import Literal, assert_never

import numpy as np

TRUNCATED_STD = 0.8796256610342398
"""The standard deviation of a standard normal number given that it lies within +-2."""

Distribution = Literal["normal", "truncated_normal", "uniform"]


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
