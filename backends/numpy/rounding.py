"""The arithmetic of the definition, exact as NumPy has it.

backends/numpy/monte_carlo.py has it with a random rounding after each operation.
"""

from __future__ import annotations

import numpy as np

from common.apart import Place


class Exact:
    """Arithmetic as NumPy has it.

    Args:
        sides: Where pre-activations, by their place, count as above 0, whatever they are; without
            it, where they are.
    """

    flushes = False
    """Whether what is below the smallest normal number is 0."""

    def __init__(self, sides: dict[Place, np.ndarray] | None = None) -> None:
        self.sides = sides

    def __call__(self, y: np.ndarray) -> np.ndarray:
        """The result of an operation."""
        return y

    def add(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The sum of two."""
        return a + b

    def sum(
        self, terms: np.ndarray, axis: int | tuple[int, ...], keepdims: bool = False
    ) -> np.ndarray:
        """The sum over an axis."""
        return terms.sum(axis=axis, keepdims=keepdims)

    def mean(self, terms: np.ndarray, axis: int, keepdims: bool = False) -> np.ndarray:
        """The mean over an axis."""
        return terms.mean(axis=axis, keepdims=keepdims)

    def product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The product of matrices."""
        return a @ b

    def norm(self, y: np.ndarray, terms: int) -> np.ndarray:
        """A Euclidean norm of so many terms."""
        return y

    def through(self, y: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """A number that frameworks have from its product with a factor."""
        return y

    def lost(self, y: np.ndarray) -> np.ndarray:
        """What frameworks lose of a number that they have and the definition has not."""
        return np.zeros_like(y)

    def beside(self, y: np.ndarray, other: np.ndarray) -> np.ndarray:
        """A number that frameworks have from its sum with another, less that one."""
        return y

    def least(self, variance: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """How small a variance of numbers of this mean may be."""
        return variance

    def above(self, z: np.ndarray, place: Place) -> np.ndarray:
        """Where pre-activations lie above 0."""
        return z > 0 if self.sides is None else self.sides[place]


EXACT = Exact()
