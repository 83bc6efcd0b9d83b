"""The complementary error function, 1 - erf(x), in extended precision too.

SciPy has it in float64 and float32.
"""

from __future__ import annotations

import numpy as np

EDGE = 2.0
"""Up to here a series; from here on a continued fraction, since 1 - erf(x) would lose digits."""

TERMS = 120
"""Of either; at the edge both are exact to more than 20 digits."""


def erfc(x: np.ndarray) -> np.ndarray:
    """The function of x, of x's shape and precision."""
    if x.dtype != np.longdouble:
        from scipy.special import erfc as of_scipy

        return of_scipy(x)
    size = np.abs(x)
    near = 1 - _erf(np.minimum(size, EDGE))
    tail = np.where(size < EDGE, near, _fraction(np.maximum(size, EDGE)))
    return np.where(x < 0, 2 - tail, tail)


def _erf(x: np.ndarray) -> np.ndarray:
    """2 / sqrt(pi) exp(-x^2) times the sum of 2^n x^(2 n + 1) / (1 3 5 ... (2 n + 1)).

    None of these cancels.
    """
    term, total = x, x
    for n in range(1, TERMS):
        term = term * (2 * x * x / (2 * n + 1))
        total = total + term
    return 2 / _root_of_pi() * np.exp(-x * x) * total


def _fraction(x: np.ndarray) -> np.ndarray:
    """exp(-x^2) / sqrt(pi) / (x + 1/2 / (x + 1 / (x + 3/2 / (x + ...))))."""
    below = x
    for n in range(TERMS, 0, -1):
        below = x + n / (2 * below)
    return np.exp(-x * x) / (_root_of_pi() * below)


def _root_of_pi() -> np.longdouble:
    return np.sqrt(4 * np.arctan(np.longdouble(1)))
