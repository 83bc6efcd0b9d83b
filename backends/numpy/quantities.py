"""What is measured of a step, as defined (common/quantities.py)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from backends.numpy.block import Site
from common.countermeasures.activation import Activation, open_interval
from common.network import Arrays
from common.quantities import ratio, rms

__all__ = ["alive", "of_gradients", "of_layers", "of_weights", "rms"]


def alive(spec: Activation, layer: Site, precision: str = "float64") -> np.ndarray:
    """Whether the derivative of a unit's activation is not 0 for some sample, [seed, width]; all are where there is none.

    Asked so that a NaN, whose derivative is not 0, answers no; an end at infinity is no end.
    """
    z, parameters = layer.z, layer.parameters
    if not layer.activated:
        return np.ones((layer.h.shape[0], layer.h.shape[2]), bool)
    if "slope" in parameters:
        return np.any(~(z <= 0) | (parameters["slope"] != 0)[:, None, None], axis=1)
    low, high = open_interval(spec, precision)
    too_low = (z <= low) if low > -math.inf else np.zeros(z.shape, bool)
    too_high = (z >= high) if high < math.inf else np.zeros(z.shape, bool)
    return ~np.all(too_low | too_high, axis=1)


def of_gradients(signals: list[np.ndarray], gradients: list[np.ndarray]) -> Arrays:
    """The quantities [seed, layer] of signals [seed, batch, width] and of the gradients of the sites' weights."""
    return {"signal_gradient_rms": _by_layer(rms, signals), "weight_gradient_rms": _rms(gradients)}


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


def of_weights(weights: list[np.ndarray], clipped: list[np.ndarray], updates: list[np.ndarray]) -> Arrays:
    """The quantities [seed, layer] of the sites' weights [seed, layer, ...] before a step, of clipped gradients and updates."""
    return {
        "clipped_weight_gradient_rms": _rms(clipped),
        "update_ratio": ratio(_rms(updates), _rms(weights)),
    }


def _rms(arrays: list[np.ndarray]) -> np.ndarray:
    """The root mean square [seed, layer] of arrays [seed, layer, ...] of some stacks."""
    return np.concatenate([rms(a, (2, 3)) for a in arrays], axis=1)
