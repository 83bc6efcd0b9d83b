"""Normalizations [batch, *space, channel].

Every variance is the biased one (see docs/migration/normalization.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.causes._definition.activation import needed, number
from experiments.causes._definition.errors import Undefined

Config = Mapping[str, Any]
Arrays = Mapping[str, np.ndarray]


def moments(x: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance, the axes kept."""
    return x.mean(axes, keepdims=True), x.var(axes, keepdims=True)


def statistics_of(
    config: Config, statistics: Arrays, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What batch norm subtracts and divides by: of the batch, or the running ones."""
    if config.get("batch", True):
        return moments(x, tuple(range(x.ndim - 1)))
    return needed(statistics, "mean"), needed(statistics, "variance")


def scaled(normal: np.ndarray, parameters: Arrays) -> np.ndarray:
    """Times the scale, and the shift added, where there are any."""
    return normal * parameters.get("scale", np.ones(())) + parameters.get("shift", np.zeros(()))


def batch_norm(config: Config, parameters: Arrays, statistics: Arrays, x: np.ndarray) -> np.ndarray:
    """Of each channel (Ioffe and Szegedy 2015)."""
    mean, variance = statistics_of(config, statistics, x)
    return scaled((x - mean) / np.sqrt(variance + number(config, "epsilon")), parameters)


def last_axes(config: Config, parameters: Arrays) -> tuple[int, ...]:
    """Those that layer and rms norm run over."""
    stated = config.get("axes")
    count = int(stated) if stated else max(parameters.get("scale", np.ones(1)).ndim, 1)
    return tuple(range(-count, 0))


def layer_norm(config: Config, parameters: Arrays, x: np.ndarray) -> np.ndarray:
    """Of each sample (Ba, Kiros and Hinton 2016)."""
    mean, variance = moments(x, last_axes(config, parameters))
    return scaled((x - mean) / np.sqrt(variance + number(config, "epsilon")), parameters)


def rms_norm(config: Config, parameters: Arrays, x: np.ndarray) -> np.ndarray:
    """Of each sample, without its mean (Zhang and Sennrich 2019)."""
    square = np.mean(np.square(x), last_axes(config, parameters), keepdims=True)
    return scaled(x / np.sqrt(square + number(config, "epsilon")), parameters)


def grouped(config: Config, x: np.ndarray) -> np.ndarray:
    """X [batch, space, group, channel of the group]."""
    groups = int(number(config, "groups"))
    if x.shape[-1] % groups:
        raise Undefined("channels that do not divide into the groups")
    return x.reshape(len(x), -1, groups, x.shape[-1] // groups)


def group_norm(config: Config, parameters: Arrays, x: np.ndarray) -> np.ndarray:
    """Of each group of channels of a sample (Wu and He 2018)."""
    groups = grouped(config, x)
    mean, variance = moments(groups, (1, 3))
    normal = (groups - mean) / np.sqrt(variance + number(config, "epsilon"))
    return scaled(normal.reshape(x.shape), parameters)
