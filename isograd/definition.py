"""What a NumPy definition says of its inputs, and how far a right one in float64 may be off.

The bound of each number is a hundred times what rounding does to the definition itself. Every
input, and every cotangent, is moved to its neighbour in float64, up or down by chance, several
times over: it counts how far the number moves at most, how far the definition in float64 is from
itself in extended precision, and one unit of the number's own rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from isograd.derivative import Arrays, Derivative, at_step, contracted, derivative

FACTOR = 100.0
MOVES = 3
EPSILON = np.finfo(np.float64).eps


class Expected(NamedTuple):
    """A tensor as it should be.

    Attributes:
        value: It.
        bound: How far a right one may be off, number by number; 0 of what is no real number.
    """

    value: np.ndarray
    bound: np.ndarray

    @property
    def judged(self) -> bool:
        """Whether an error could exceed the bounds.

        One as large as the tensor's largest number, if that is not 0.
        """
        finite = self.value[np.isfinite(self.value)]
        largest = np.abs(finite).max(initial=0.0) or np.inf
        return bool(np.all((self.bound == 0) | (self.bound < largest)))


class Definition:
    """A function of NumPy arrays at a point.

    Args:
        function: Of arrays; it returns one, or a tuple or list of them.
        inputs: Of real numbers float64.
        seed: Of the cotangents and of the moves.
    """

    def __init__(
        self, function: Callable[..., Any], inputs: Sequence[np.ndarray], seed: int = 0
    ) -> None:
        self._function = function
        self._inputs = list(inputs)
        self._rng = np.random.default_rng(seed)
        self._extended = self._is_extended()
        self._here = self._precise(self._inputs)
        self.cotangents = [
            np.asarray(self._rng.standard_normal(y.shape) * (y.dtype.kind == "f"))
            for y in self._here
        ]

    def values(self) -> list[Expected]:
        """The outputs."""
        moves = [self._moved(self._inputs) for _ in range(MOVES)]
        pairs = [(self._precise(move), outputs(self._function, move)) for move in moves]
        return [
            self._value(i, [(precise[i], plain[i]) for precise, plain in pairs])
            for i in range(len(self._here))
        ]

    def gradients(self) -> Iterator[Expected | None]:
        """The cotangents' way back to each input; None of one that is no real number."""
        here = self._along(self._inputs, self.cotangents)
        moved = [
            self._along(self._moved(self._inputs), self._moved(self.cotangents))
            for _ in range(MOVES)
        ]
        for i, each in enumerate(self._inputs):
            yield self._gradient(i, here, moved) if each.dtype.kind == "f" else None

    def _value(self, i: int, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Expected:
        here = self._here[i]
        if here.dtype.kind != "f":
            return Expected(here, np.zeros(here.shape))
        with np.errstate(all="ignore"):
            moves = [np.abs(precise - here) for precise, _ in pairs]
            own = [np.abs(plain - precise) for precise, plain in pairs]
            bound = FACTOR * (np.max(moves, axis=0) + np.max(own, axis=0) + EPSILON * np.abs(here))
        return Expected(here.astype(np.float64), np.where(np.isfinite(here), _wide(bound), 0.0))

    def _gradient(
        self, i: int, here: Callable[..., Any], moved: list[Callable[..., Any]]
    ) -> Expected:
        shape = self._inputs[i].shape
        value = np.zeros(shape)
        bound = np.zeros(shape)
        typical = float(np.sqrt(np.mean(self._inputs[i] ** 2))) if value.size else 0.0
        for element in np.ndindex(shape):
            size = max(abs(float(self._inputs[i][element])), typical) or 1.0
            with np.errstate(all="ignore"):
                found = derivative(partial(here, i, element), size)
                moves = [
                    abs(at_step(partial(other, i, element), found.step) - found.value)
                    for other in moved
                ]
            value[element] = found.value
            bound[element] = _bound(found, moves)
        return Expected(value, _wide(bound))

    def _along(self, inputs: Arrays, cotangents: Arrays) -> Callable[..., Any]:
        return contracted(self._precise, self._widened(inputs), cotangents)

    def _precise(self, inputs: Sequence[np.ndarray]) -> Arrays:
        return outputs(self._function, self._widened(inputs))

    def _widened(self, inputs: Sequence[np.ndarray]) -> Arrays:
        return [
            each.astype(np.longdouble) if self._extended and each.dtype.kind == "f" else each
            for each in inputs
        ]

    def _is_extended(self) -> bool:
        """Whether the definition keeps extended precision."""
        self._extended = True
        try:
            found = self._precise(self._inputs)
        except TypeError:  # NumPy's linear algebra, and others, know no such numbers
            return False
        return all(y.dtype == np.longdouble for y in found if y.dtype.kind == "f")

    def _moved(self, arrays: Sequence[np.ndarray]) -> Arrays:
        return [self._neighbour(each) if each.dtype.kind == "f" else each for each in arrays]

    def _neighbour(self, array: np.ndarray) -> np.ndarray:
        return np.nextafter(
            array, array + self._rng.choice([-1.0, 1.0], array.shape) * (1 + np.abs(array))
        )


def outputs(function: Callable[..., Any], inputs: Sequence[np.ndarray]) -> Arrays:
    """What a function returns, as a list of arrays."""
    with np.errstate(all="ignore"):  # what is not finite is compared like any other number
        found = function(*inputs)
    return [np.asarray(each) for each in (found if isinstance(found, tuple | list) else [found])]


def _bound(found: Derivative, moves: list[float]) -> float:
    return FACTOR * (max(moves) + EPSILON * abs(found.value)) + found.error


def _wide(bound: np.ndarray) -> np.ndarray:
    """Where it cannot be told, nothing could exceed it."""
    return np.where(np.isnan(bound), np.inf, bound).astype(np.float64)
