"""What is measured at every layer and step (design, section 5), and how: scale-safe.

Layer l is the l-th hidden layer, h_l its output [batch, width], L the mean loss over a batch of
size B.

| name                          | definition                                 | unit                |
|-------------------------------|--------------------------------------------|---------------------|
| `signal_gradient_rms`         | rms over batch and units of B dL/dh_l      | loss per activation |
| `weight_gradient_rms`         | rms of dL/dW_l, before clipping            | loss per weight     |
| `clipped_weight_gradient_rms` | the same after clipping                    | loss per weight     |
| `update_ratio`                | rms of the step's change of W_l, before it | 1                   |
|                               | is rounded into W_l, over rms of W_l       |                     |
| `activation_mean`             | mean of h_l                                | activation          |
| `activation_rms`              | rms of h_l                                 | activation          |
| `dead_fraction`               | share of units whose activation has a      | 1                   |
|                               | derivative of exactly 0 for the whole      |                     |
|                               | batch                                      |                     |
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

QUANTITIES = (
    "signal_gradient_rms",
    "weight_gradient_rms",
    "clipped_weight_gradient_rms",
    "update_ratio",
    "activation_mean",
    "activation_rms",
    "dead_fraction",
)
MEASURED = (
    "signal_gradient_rms",
    "weight_gradient_rms",
    "clipped_weight_gradient_rms",
    "update_rms",
    "weight_rms",
    "activation_mean",
    "activation_rms",
    "dead_fraction",
)
"""What a wing measures on its device, in the order in which it is fetched, as one array [measured,
seed, layer]."""


def rms(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The root mean square over some axes; a float32 of 1e-30 has one, though its square does not.

    Infinity and NaN come out as such. An empty or all-zero input gives 0.
    """
    every = list(range(x.ndim))
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    low, high = safe_norms(x.dtype.name)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        norm = np.sqrt(np.einsum(x, every, x, every, kept))
        if ((norm > low) & (norm < high)).all():
            return norm / np.sqrt(x.dtype.type(math.prod(x.shape[axis] for axis in axes)))
        scale = safe_scale(x, axes)  # an infinite value overflows here, and decides the result
        return np.squeeze(scale, axes) * np.sqrt(np.mean((x / scale) ** 2, axis=axes))


def rms_of_layers(weights: np.ndarray) -> np.ndarray:
    """The root mean square [seed, layer] of weights [seed, layer, ...]."""
    return rms(weights, tuple(range(2, weights.ndim)))


@cache
def safe_norms(precision: str) -> tuple[float, float]:
    """Between these a Euclidean norm is as good as any, although it was not scaled.

    What underflowed is too small to count.

    A square that underflows is below the smallest normal number; beside the square of the lower
    bound n of them count for n epsilon^2.
    """
    info = np.finfo(precision)
    return float(np.sqrt(info.smallest_normal) / info.eps), float(np.sqrt(info.max) / 2)


def safe_scale(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """What x is divided by before it is squared.

    Its largest absolute value, with the axes kept, each of length 1.

    It is 1 where that is 0 or not finite, and at most a sixteenth of the largest number: XLA
    divides by multiplying with the reciprocal, which beyond a quarter of it is subnormal and
    flushed to 0.
    """
    largest = np.max(np.abs(x), axis=axes, keepdims=True, initial=0.0)
    usable = (largest > 0) & np.isfinite(largest)
    return np.where(usable, np.minimum(largest, np.finfo(x.dtype).max / 16), 1).astype(x.dtype)


def ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The quotient a / b, with 0 / 0 = 0: a gradient that is 0 everywhere has changed nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((a == 0) & (b == 0), 0.0, np.divide(a, b))


def named(measured: np.ndarray) -> dict[str, np.ndarray]:
    """The `QUANTITIES` [seed, layer] of what was `MEASURED` [measured, seed, layer]."""
    found = dict(zip(MEASURED, measured, strict=True))
    update = found.pop("update_rms")
    size = found.pop("weight_rms")
    return found | {"update_ratio": ratio(update, size)}


def decay_per_layer(signal_gradient_rms: np.ndarray) -> np.ndarray:
    """Decades of signal gradient gained per layer, from the last hidden layer to the first.

    Args:
        signal_gradient_rms: [..., layer].

    Returns:
        [...]: the least-squares slope of log10 against the number of layers gone back; negative
        where the gradient vanishes. NaN where a value is 0 or not finite; 0 of one layer.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(signal_gradient_rms)
        back = -np.arange(logs.shape[-1], dtype=float)
        back -= back.mean()
        slope = (logs - logs.mean(-1, keepdims=True)) @ back / (back @ back or 1.0)
    return np.where(np.isfinite(logs).all(-1), slope, np.nan)


def gradient_ratio(signal_gradient_rms: np.ndarray) -> np.ndarray:
    """`signal_gradient_rms` of the first hidden layer over the last one's, for [..., layer]."""
    return ratio(signal_gradient_rms[..., 0], signal_gradient_rms[..., -1])
