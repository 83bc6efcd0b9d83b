"""Monte Carlo arithmetic: the definition's, with a random rounding after each operation.

Where every operation is rounded at random, the spread of the results is what rounding does to them,
whatever the order in which a processor adds (Parker 1997; Verificarlo, Denis et al. 2016). With e
the unit in the last place of 1 and r uniform in [-1, 1], for each element by itself:

    an operation        y (1 + e r)
    the sum of two      y + e r (|a| + |b|): what was summed, so that a cancellation keeps its size
    a sum of n terms    y + e r w(n) sqrt(n) |terms|, with the Euclidean norm
    a product of n      y + e r w(n) |a| |b|, with the norms of the row and the column
    a norm of n         y (1 + e r w(n))

w(n) = max(1, sqrt(n) / 4): the roundings of n partial sums add up like a random walk, where a
kernel adds 16 of them side by side. Half of e would be lost: what is less than half a unit in the
last place of a float64 number and is added to it leaves it as it is. Elementary functions are right
to about e.

Near the smallest normal number s an operation is y (1 + e r) + h with |h| <= s (Demmel 1984,
Underflow and the reliability of numerical software): every other draw flushes, as TensorFlow and
XLA do, and which products are flushed depends on the order of operations. So half of these draws
have 0 below s, and half a random number below s.
"""

from __future__ import annotations

import math
import string
from functools import cache

import numpy as np

from backends.numpy.rounding import Exact
from common.apart import Place

NOISE = 2**19
"""How many random numbers are drawn once; an operation takes as many as it needs, from a random
place on."""

SAFE = 1e-140
"""Between this and one over it, a norm is made of squares that there are."""

EQUAL = 64
"""Units in the last place: numbers that differ by no more may be equal but for the rounding of what
they are sums of."""


@cache
def noise(precision: str) -> tuple[np.ndarray, np.ndarray]:
    """The e r, and the 1 + e r."""
    numbers = np.random.Generator(np.random.SFC64(0)).uniform(-1.0, 1.0, NOISE) * float(
        np.finfo(precision).eps
    )
    return numbers, 1 + numbers


def walk(terms: int) -> float:
    """How much larger than one rounding those of a sum are."""
    return max(1.0, math.sqrt(terms) / 4)


def norms(terms: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Euclidean norms over axes, of any size: 1e-170 squared is 0, 1e170 squared infinite."""
    found = _norms(terms, axes)
    if found.size and found.min() > SAFE and found.max() < 1 / SAFE:
        return found
    largest = np.abs(terms).max(initial=0.0)
    return largest * _norms(terms / largest, axes) if 0 < largest < np.inf else found


def _norms(terms: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    return np.sqrt(np.einsum(_squares(terms.ndim, axes), terms, terms))


@cache
def _squares(ndim: int, axes: tuple[int, ...]) -> str:
    """Of two arrays with so many axes the sum over some, for einsum: `ab,ab->a`."""
    every = string.ascii_letters[:ndim]
    kept = [name for i, name in enumerate(every) if i not in axes and i - ndim not in axes]
    return f"{every},{every}->{''.join(kept)}"


class Random(Exact):
    """The same with a random rounding, in a precision and its range.

    Args:
        precision: `float32` or `float64`.
        seed: Of the places from which on the random numbers are taken. An even one flushes; of
            these one that is not a multiple of 4 leaves a number below the smallest normal one.
        sides: As in exact arithmetic.
        deep: Whether numbers of a float64 run come near the smallest one; those of float32 may.
    """

    def __init__(
        self,
        precision: str,
        seed: int,
        sides: dict[Place, np.ndarray] | None = None,
        deep: bool = False,
    ) -> None:
        super().__init__(sides)
        self.precision = precision
        self.rng = np.random.Generator(np.random.SFC64(seed))
        self.noise, self.factors = noise(precision)
        self.narrow = precision == "float32"
        self.smallest = float(np.finfo(precision).smallest_normal)
        self.flushes = (deep or self.narrow) and seed % 2 == 0
        self.leaves = self.flushes and seed % 4 == 2

    def _noise(self, shape: tuple[int, ...]) -> np.ndarray:
        return self._drawn(self.noise, shape)

    def _uniform(self, shape: tuple[int, ...]) -> np.ndarray:
        """Between -1 and 1."""
        return self.rng.uniform(-1.0, 1.0, shape)

    def _drawn(self, numbers: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """As many of the numbers as the shape has, from a random place on."""
        size = math.prod(shape)
        if size > NOISE:
            return np.resize(numbers, shape)
        begin = int(self.rng.random() * (NOISE - size + 1))
        return numbers[begin : begin + size].reshape(shape)

    def _held(self, y: np.ndarray) -> np.ndarray:
        """As the precision holds it: infinite where it is too large, 0 where it is flushed."""
        if self.narrow:
            y = y.astype(np.float32).astype(np.float64)
        return np.where(np.abs(y) < self.smallest, 0.0, y) if self.flushes else y

    def _in_range(self, y: np.ndarray) -> np.ndarray:
        """The result of an operation, as the precision holds it.

        What is flushed here another order of operations may not flush yet: then something as small
        is left.
        """
        held = self._held(y)
        if self.leaves and (gone := (held == 0) & (y != 0)).any():
            left = self.smallest * np.abs(self._uniform(y.shape))
            held[gone] = np.copysign(left, y)[gone]
        return held

    def __call__(self, y: np.ndarray) -> np.ndarray:
        """The result of an operation, rounded at random."""
        return self._in_range(y * self._drawn(self.factors, y.shape))

    def add(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The sum of two, rounded as if nothing cancelled."""
        size = np.abs(a)
        size += np.abs(b)
        size *= self._noise(a.shape)
        size += a
        size += b
        return self._in_range(size)

    def sum(
        self, terms: np.ndarray, axis: int | tuple[int, ...], keepdims: bool = False
    ) -> np.ndarray:
        """The sum over an axis, each of its roundings as large as what was summed allows."""
        y = terms.sum(axis=axis, keepdims=keepdims)
        axes = axis if isinstance(axis, tuple) else (axis,)
        count = math.prod(terms.shape[i] for i in axes)
        size = walk(count) * math.sqrt(count) * norms(terms, axes).reshape(y.shape)
        return self._in_range(y + size * self._noise(y.shape))

    def mean(self, terms: np.ndarray, axis: int, keepdims: bool = False) -> np.ndarray:
        """The mean over an axis."""
        return self(self.sum(terms, axis, keepdims) / terms.shape[axis])

    def product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The product of matrices."""
        y = a @ b
        size = norms(a, (-1,))[..., :, None] * (walk(a.shape[-1]) * norms(b, (-2,)))[..., None, :]
        size *= self._noise(y.shape)
        size += y
        return self._in_range(size)

    def through(self, y: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """A number that frameworks have from its product with a factor.

        Lost where the precision has no such product; or off by up to the smallest normal number, as
        a partial sum of such products is.
        """
        product = y * factor
        there = self._held(product)
        if self.leaves:
            share = self.smallest / np.maximum(np.abs(product), self.smallest)
            return np.where(np.isinf(there), there, y * (1 + share * self._uniform(y.shape)))
        return np.where((there == 0) | np.isinf(there), there, y)

    def lost(self, y: np.ndarray) -> np.ndarray:
        """What frameworks lose of a number that they have and the definition has not."""
        return y - self._held(y)

    def beside(self, y: np.ndarray, other: np.ndarray) -> np.ndarray:
        """A number that frameworks have from its sum with another, less that one.

        It has the rounding of the sum.
        """
        return self._in_range(y + (np.abs(y) + np.abs(other)) * self._noise(y.shape))

    def least(self, variance: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """How small a variance of numbers of this mean may be.

        It is 0 where it is made of their rounding, as of equal numbers.
        """
        rounding = EQUAL * float(np.finfo(self.precision).eps) * np.abs(mean)
        return np.where(np.sqrt(variance) > rounding, variance, 0.0)

    def norm(self, y: np.ndarray, terms: int) -> np.ndarray:
        """A Euclidean norm of so many terms."""
        return self._in_range(y + walk(terms) * y * self._noise(y.shape))
