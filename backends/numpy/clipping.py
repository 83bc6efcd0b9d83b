"""Clipping, as defined."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from common.countermeasures.clipping import Clipping, GlobalNormClipping, NoClipping, NormClipping, ValueClipping
from common.network import Arrays

NATIVE = {"value": "numpy.clip"}


def norm(gradient: np.ndarray, leading: int) -> np.ndarray:
    """The Euclidean norm over all axes but the leading ones, which stay as they are; scale-safe."""
    axes = tuple(range(leading, gradient.ndim))
    largest = np.abs(gradient).max(axis=axes, keepdims=True, initial=0.0)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1)
    return np.squeeze(scale * np.sqrt(((gradient / scale) ** 2).sum(axis=axes, keepdims=True)), axes)


def coefficient(norms: np.ndarray, threshold: float) -> np.ndarray:
    """What a gradient of that norm is multiplied by: c / max(norm, c), and NaN where the norm is not finite."""
    return np.where(np.isfinite(norms), threshold / np.maximum(norms, threshold), np.nan)


def _scaled(gradient: np.ndarray, factors: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return gradient * factors.reshape(factors.shape + (1,) * (gradient.ndim - factors.ndim))


def build(spec: Clipping) -> Callable[[Arrays], Arrays]:
    """A function from gradients [seed, layer, ...] by name to the clipped ones."""
    match spec:
        case NoClipping():
            return lambda gradients: gradients
        case ValueClipping(threshold=c):
            return lambda gradients: {name: np.clip(g, -c, c) for name, g in gradients.items()}
        case NormClipping(threshold=c):
            return lambda gradients: {name: _scaled(g, coefficient(norm(g, 2), c)) for name, g in gradients.items()}
        case GlobalNormClipping(threshold=c):

            def clip_by_global_norm(gradients: Arrays) -> Arrays:
                norms = np.stack([norm(g, 1) for g in gradients.values()], axis=1)
                return {name: _scaled(g, coefficient(norm(norms, 1), c)) for name, g in gradients.items()}

            return clip_by_global_norm


def probe(spec: Clipping, inputs: Arrays) -> Arrays:
    """Clipped gradients, for gradients [seed, layer, ...] by name."""
    return build(spec)(inputs)
