"""What is measured of a step, as defined (common/quantities.py)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from common.countermeasures.activation import Activation, open_interval
from common.network import Arrays
from common.quantities import HIDDEN_WEIGHTS, ratio, rms

__all__ = ["alive", "of_gradients", "of_layers", "of_weights", "rms"]


def alive(spec: Activation, z: np.ndarray, parameters: Arrays, precision: str = "float64") -> np.ndarray:
    """Whether the derivative of a unit's activation is not 0 for some sample, [seed, width], for z [seed, batch, width].

    Asked so that a NaN, whose derivative is not 0, answers no; an end at infinity is no end.
    """
    if "slope" in parameters:
        return np.any(~(z <= 0) | (parameters["slope"] != 0)[:, None, None], axis=1)
    low, high = open_interval(spec, precision)
    too_low = (z <= low) if low > -math.inf else np.zeros(z.shape, bool)
    too_high = (z >= high) if high < math.inf else np.zeros(z.shape, bool)
    return ~np.all(too_low | too_high, axis=1)


def of_gradients(signals: list[np.ndarray], gradients: Arrays) -> Arrays:
    """The quantities [seed, layer] of signals [seed, batch, width] and of the gradients of the parameters."""
    return {"signal_gradient_rms": _by_layer(rms, signals), "weight_gradient_rms": _weight_rms(gradients)}


def of_layers(outputs: list[np.ndarray], alive: list[np.ndarray]) -> Arrays:
    """The quantities [seed, layer] of hidden outputs [seed, batch, width], and of alive [seed, width]."""
    return {
        "activation_mean": _by_layer(np.mean, outputs),
        "activation_rms": _by_layer(rms, outputs),
        "dead_fraction": np.stack([np.mean(~layer, axis=1) for layer in alive], axis=1),
    }


def _by_layer(statistic: Callable[..., np.ndarray], layers: list[np.ndarray]) -> np.ndarray:
    """A statistic [seed, layer] over batch and units; layer by layer, since what fits the cache need not be fetched again."""
    return np.stack([statistic(layer, (1, 2)) for layer in layers], axis=1)


def of_weights(weights: Arrays, clipped: Arrays, updates: Arrays) -> Arrays:
    """The quantities [seed, layer] of the hidden weights before a step, of their clipped gradients and of their updates."""
    return {
        "clipped_weight_gradient_rms": _weight_rms(clipped),
        "update_ratio": ratio(_weight_rms(updates), _weight_rms(weights)),
    }


def _weight_rms(arrays: Arrays) -> np.ndarray:
    return np.concatenate([rms(arrays[name], (2, 3)) for name in HIDDEN_WEIGHTS], axis=1)
