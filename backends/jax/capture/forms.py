"""The canonical form of a layer's parameters: which of the module's arrays make it, in what layout.

The arrays of a module are known here by their full names, `blocks.0.conv.kernel`. Reading and
writing are NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]


def _first(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return arrays[0]


def _alone(value: np.ndarray, _: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [value]


@dataclass(frozen=True)
class Piece:
    """One canonical array.

    Attributes:
        sources: The full names of the module's arrays that make it.
        read: From these to the canonical array; it is linear, so gradients are read by it too.
        write: Back; also gets the module's arrays as they are, for their shapes.
        rank: Of the first source; another one is not this kind of layer (stacked by a scan). None:
            any.
    """

    sources: tuple[str, ...]
    read: Callable[[Sequence[np.ndarray]], np.ndarray] = _first
    write: Callable[[np.ndarray, Sequence[np.ndarray]], list[np.ndarray]] = _alone
    rank: int | None = None

    def fits(self, arrays: Mapping[str, Any]) -> bool:
        """Whether the module has them, in the rank that is expected."""
        if not all(name in arrays for name in self.sources):
            return False
        return self.rank is None or np.ndim(arrays[self.sources[0]]) == self.rank

    def canonical(self, arrays: Arrays) -> np.ndarray:
        """The canonical array."""
        return np.array(self.read([arrays[name] for name in self.sources]))

    def own(self, value: np.ndarray, arrays: Arrays) -> dict[str, np.ndarray]:
        """The module's own arrays that make this canonical one."""
        parts = self.write(value, [arrays[name] for name in self.sources])
        return dict(zip(self.sources, parts, strict=True))


def same(given: Arrays) -> dict[str, np.ndarray]:
    """As it was given."""
    return dict(given)


@dataclass(frozen=True)
class Form:
    """The canonical arrays of a module.

    Attributes:
        parameters, statistics: By canonical name.
        folded: What is given to be written, brought to what the module has: a bias that it has not
            is added to the one it has.
        gradients: The canonical gradients, where reading them is not all.
    """

    parameters: dict[str, Piece] = field(default_factory=dict)
    statistics: dict[str, Piece] = field(default_factory=dict)
    folded: Callable[[Arrays], dict[str, np.ndarray]] = same
    gradients: Callable[[dict[str, Any]], dict[str, Any]] = dict


def plain(name: str, rank: int | None = None) -> Piece:
    """An array that is canonical as it is."""
    return Piece((name,), rank=rank)


def reshaped(
    name: str, shape: Callable[[tuple[int, ...]], tuple[int, ...]], rank: int | None = None
) -> Piece:
    """An array in another shape."""

    def read(arrays: Sequence[np.ndarray]) -> np.ndarray:
        return np.reshape(arrays[0], shape(np.shape(arrays[0])))

    def write(value: np.ndarray, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [np.reshape(value, np.shape(arrays[0]))]

    return Piece((name,), read, write, rank)


def mirrored(name: str, axes: int) -> Piece:
    """A kernel whose first axes, the space, run the other way."""
    turned = tuple(range(axes))

    def read(arrays: Sequence[np.ndarray]) -> np.ndarray:
        return np.flip(arrays[0], turned)

    def write(value: np.ndarray, _: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [np.flip(value, turned)]

    return Piece((name,), read, write, axes + 2)


def swapped(name: str, rank: int) -> Piece:
    """A kernel whose last two axes, of channels, are the other way round."""

    def read(arrays: Sequence[np.ndarray]) -> np.ndarray:
        return np.swapaxes(arrays[0], -1, -2)

    def write(value: np.ndarray, _: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [np.swapaxes(value, -1, -2)]

    return Piece((name,), read, write, rank)


def stacked(names: Sequence[str], rank: int) -> Piece:
    """An array a gate, as one with the gates first."""
    return Piece(tuple(names), np.stack, lambda value, _: list(value), rank)


def columns(name: str, gates: int, rank: int) -> Piece:
    """One array whose last axis holds the gates side by side, as one with the gates first."""

    def read(arrays: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack(np.split(np.asarray(arrays[0]), gates, axis=-1))

    def write(value: np.ndarray, _: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [np.concatenate(list(value), axis=-1)]

    return Piece((name,), read, write, rank)


def last_gate(name: str, gates: int) -> Piece:
    """The bias of the last gate; the others have none, which is 0."""

    def read(arrays: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([np.zeros_like(arrays[0])] * (gates - 1) + [np.asarray(arrays[0])])

    def write(value: np.ndarray, _: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [value[-1]]

    return Piece((name,), read, write, 1)
