"""Resampling [batch, *space, channel] to another size: each axis by itself, as a matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from experiments.causes._definition.errors import Undefined

Config = Mapping[str, Any]
Kernel = Callable[[np.ndarray], np.ndarray]


def triangle(t: np.ndarray) -> np.ndarray:
    """Of linear interpolation."""
    return np.maximum(0, 1 - np.abs(t))


def cubic(a: float) -> Kernel:
    """Of Keys 1981, with this slope at 1: -1/2 in TensorFlow and JAX, -3/4 in PyTorch."""

    def kernel(t: np.ndarray) -> np.ndarray:
        t = np.abs(t)
        near = (a + 2) * t**3 - (a + 3) * t**2 + 1
        far = a * (t**3 - 5 * t**2 + 8 * t - 4)
        return np.where(t <= 1, near, np.where(t < 2, far, 0.0))

    return kernel


def lanczos(t: np.ndarray) -> np.ndarray:
    """A windowed sinc of three lobes."""
    return np.where(np.abs(t) < 3, np.sinc(t) * np.sinc(t / 3), 0.0)


KERNELS: dict[str, tuple[Kernel, int]] = {
    "linear": (triangle, 1),
    "cubic": (cubic(-0.5), 2),
    "steeper cubic": (cubic(-0.75), 2),
    "lanczos": (lanczos, 3),
}
"""A kernel, and how far it reaches."""


def resampled(config: Config, x: np.ndarray) -> np.ndarray:
    """X at another size.

    Args:
        config: `size` [..]. `method`: `nearest`, `zeros` (each number once, zeros between) or one
            of `KERNELS`. `grid`: where positions are: `centers` of pixels, `corners` that are kept,
            or `edges`, the first one's. `outside`: what lies there is the `nearest` number, or is
            `left` out. `smooth`: whether a smaller size has a wider kernel.
        x: [batch, *space, channel].
    """
    for axis, size in enumerate(config["size"], 1):
        x = np.moveaxis(
            np.tensordot(matrix(config, x.shape[axis], int(size)), x, (1, axis)), 0, axis
        )
    return x


def matrix(config: Config, old: int, new: int) -> np.ndarray:
    """Weights [new, old]."""
    at = positions(str(config["grid"]), old, new)
    match config["method"]:
        case "nearest":
            return np.eye(old)[np.clip(_rounded(str(config["grid"]), at), 0, old - 1)]
        case "zeros":
            if new % old:
                raise Undefined("zeros between, of a size that is no multiple")
            return np.where(np.arange(new)[:, None] == np.arange(old) * (new // old), 1.0, 0.0)
        case method if method in KERNELS:
            return _weights(config, at, old, new)
        case method:
            raise Undefined(f"resampling by {method}")


def positions(grid: str, old: int, new: int) -> np.ndarray:
    """Where the new numbers are among the old ones."""
    i = np.arange(new)
    match grid:
        case "centers":
            return (i + 0.5) * old / new - 0.5
        case "corners":
            return i * (old - 1) / max(new - 1, 1)
        case "edges":
            return i * old / new
        case _:
            raise Undefined(f"a grid of {grid}")


def _rounded(grid: str, at: np.ndarray) -> np.ndarray:
    """The nearest; from the edges the one that was begun."""
    return np.floor(at + (1e-9 if grid == "edges" else 0.5 + 1e-9)).astype(int)


def _weights(config: Config, at: np.ndarray, old: int, new: int) -> np.ndarray:
    kernel, reach = KERNELS[config["method"]]
    wide = max(1.0, old / new) if config.get("smooth") else 1.0
    low = int(np.floor(at.min() - reach * wide)) - 1
    high = int(np.ceil(at.max() + reach * wide)) + 1
    every = np.arange(low, high + 1)
    weights = kernel((at[:, None] - every) / wide)
    if config.get("outside") == "left":
        weights = weights * ((every >= 0) & (every < old))
    weights = weights / weights.sum(1, keepdims=True)
    return weights @ np.eye(old)[np.clip(every, 0, old - 1)]


def sizes(x: np.ndarray, y: np.ndarray) -> Sequence[int] | None:
    """The size of space, where y may be x resampled."""
    alike = (
        x.ndim == y.ndim
        and 3 <= x.ndim <= 5
        and x.shape[0] == y.shape[0]
        and x.shape[-1] == y.shape[-1]
    )
    return y.shape[1:-1] if alike and x.shape != y.shape and x.dtype.kind == "f" else None
