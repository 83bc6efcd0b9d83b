"""Clipping, as defined."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import assert_never

import numpy as np

from backends.numpy.arrays import safe_scale
from backends.numpy.rounding import EXACT, Exact
from common.countermeasures.clipping import (
    Clipping,
    GlobalNormClipping,
    NoClipping,
    NormClipping,
    ValueClipping,
)
from common.network import Arrays

NATIVE = {"value": "numpy.clip"}


def norm(gradient: np.ndarray, leading: int, r: Exact = EXACT) -> np.ndarray:
    """The Euclidean norm over all axes but the leading ones, which stay as they are; scale-safe."""
    axes = tuple(range(leading, gradient.ndim))
    scale = safe_scale(gradient, axes)
    found = scale * np.sqrt(((gradient / scale) ** 2).sum(axis=axes, keepdims=True))
    return r.norm(np.squeeze(found, axes), math.prod(gradient.shape[leading:]))


def shortened(
    gradient: np.ndarray, norms: np.ndarray, threshold: float, r: Exact = EXACT
) -> np.ndarray:
    """The gradient, brought to the threshold if its norm is above; NaN if that is not finite."""
    norms = norms.reshape(norms.shape + (1,) * (gradient.ndim - norms.ndim))
    with np.errstate(invalid="ignore", divide="ignore"):
        clipped = np.where(norms > threshold, r(gradient / norms * threshold), gradient)
    return np.where(np.isfinite(norms), clipped, np.nan)


def build(spec: Clipping, rounding: Exact = EXACT) -> Callable[[Arrays], Arrays]:
    """A function from gradients [seed, layer, ...] by name to the clipped ones."""
    r = rounding
    match spec:
        case NoClipping():
            return lambda gradients: gradients
        case ValueClipping(threshold=c):
            return lambda gradients: {name: np.clip(g, -c, c) for name, g in gradients.items()}
        case NormClipping(threshold=c):
            return lambda gradients: {
                name: shortened(g, norm(g, 2, r), c, r) for name, g in gradients.items()
            }
        case GlobalNormClipping(threshold=c):

            def clip_by_global_norm(gradients: Arrays) -> Arrays:
                norms = np.stack([norm(g, 1, r) for g in gradients.values()], axis=1)
                return {
                    name: shortened(g, norm(norms, 1, r), c, r) for name, g in gradients.items()
                }

            return clip_by_global_norm
        case _:
            assert_never(spec)


def probe(spec: Clipping, inputs: Arrays) -> Arrays:
    """Clipped gradients, for gradients [seed, layer, ...] by name."""
    return build(spec)(inputs)
