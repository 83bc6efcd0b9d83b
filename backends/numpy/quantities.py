"""What is measured of a step, as defined (common/quantities.py)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from backends.numpy.block import Site
from common.countermeasures.activation import Activation, open_interval
from common.network import Arrays, Network
from common.quantities import ratio, rms, rms_of_layers

__all__ = ["alive", "of_gradients", "of_layers", "of_weights", "rms"]


def alive(spec: Activation, layer: Site, precision: str = "float64") -> np.ndarray:
    """Whether the derivative of a unit's activation is not 0 for some sample, [seed, width].

    All are where there is none.

    Asked so that a NaN, whose derivative is not 0, answers no; an end at infinity is no end.
    """
    if not layer.z:
        return np.ones((layer.h.shape[0], layer.h.shape[2]), bool)
    z, parameters = layer.z[-1], layer.parameters
    if "slope" in parameters:
        return np.any(~(z <= 0) | (parameters["slope"] != 0)[:, None, None], axis=1)
    low, high = open_interval(spec, precision)
    too_low = (z <= low) if low > -math.inf else np.zeros(z.shape, bool)
    too_high = (z >= high) if high < math.inf else np.zeros(z.shape, bool)
    return ~np.all(too_low | too_high, axis=1)


def of_gradients(network: Network, signals: list[np.ndarray], gradients: Arrays) -> Arrays:
    """Quantities [seed, site] of signals [seed, batch, width] and gradients [seed, layer, ...]."""
    return {
        "signal_gradient_rms": _by_layer(rms, signals),
        "weight_gradient_rms": _at_sites(network, gradients),
    }


def of_layers(outputs: list[np.ndarray], alive: list[np.ndarray]) -> Arrays:
    """Quantities [seed, layer] of hidden outputs [seed, batch, width], and alive [seed, width]."""
    return {
        "activation_mean": _by_layer(np.mean, outputs),
        "activation_rms": _by_layer(rms, outputs),
        "dead_fraction": np.stack([np.mean(~layer, axis=1) for layer in alive], axis=1),
    }


def _by_layer(statistic: Callable[..., np.ndarray], layers: list[np.ndarray]) -> np.ndarray:
    """A statistic [seed, layer] over batch and units.

    Layer by layer, since what fits the cache need not be fetched again.
    """
    return np.stack([statistic(layer, (1, 2)) for layer in layers], axis=1)


def of_weights(network: Network, weights: Arrays, clipped: Arrays, updates: Arrays) -> Arrays:
    """The quantities [seed, site] of a step.

    Of parameters [seed, layer, ...] before it, of clipped gradients and of updates.
    """
    return {
        "clipped_weight_gradient_rms": _at_sites(network, clipped),
        "update_ratio": ratio(_at_sites(network, updates), _at_sites(network, weights)),
    }


def _at_sites(network: Network, arrays: Arrays) -> np.ndarray:
    """The root mean square [seed, site] of what there is of the sites' weights."""
    return network.at_sites([rms_of_layers(arrays[name]) for name in network.weights])
