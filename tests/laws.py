"""The laws by which weights are drawn: kinds with one, their standard deviations, and whether
numbers follow it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from common.backend import Backend
from common.countermeasures.initialization import (
    Gaussian,
    He,
    Initialization,
    Xavier,
)
from common.distribution import TRUNCATED_STD

SHAPE = (400, 300)
SIZE = SHAPE[0] * SHAPE[1]
LAWS: dict[str, Any] = {
    "normal": stats.norm(),
    "uniform": stats.uniform(-np.sqrt(3), 2 * np.sqrt(3)),
    "truncated_normal": stats.truncnorm(-2, 2, scale=1 / TRUNCATED_STD),
}
"""Our distributions at a standard deviation of 1."""

BOUND = 2 / TRUNCATED_STD
SPECS: dict[str, Initialization] = {
    "gaussian": Gaussian(std=0.5),
    "xavier-in": Xavier(),
    "xavier-out": Xavier(fan="out"),
    "xavier-avg": Xavier(fan="avg"),
    "xavier-gain": Xavier(gain=5 / 3),
    "he": He(),
    "he-out": He(fan="out"),
    "he-avg": He(fan="avg"),
    "he-slope": He(slope=0.25),
    "he-gain": He(gain=0.5),
}
"""What has a distribution that may be chosen."""

STANDARD_DEVIATIONS = {
    "gaussian": 0.5,
    "xavier-in": (1 / 400) ** 0.5,
    "xavier-out": (1 / 300) ** 0.5,
    "xavier-avg": (2 / 700) ** 0.5,
    "xavier-gain": 5 / 3 * (1 / 400) ** 0.5,
    "he": (2 / 400) ** 0.5,
    "he-out": (2 / 300) ** 0.5,
    "he-avg": (4 / 700) ** 0.5,
    "he-slope": (2 / (1.0625 * 400)) ** 0.5,
    "he-gain": 0.5 * (2 / 400) ** 0.5,
}


def spec_of(name: str, law: str) -> Initialization:
    return SPECS[name].model_copy(update={"distribution": law})


def inputs(seed: int = 11, shape: tuple[int, int] = SHAPE) -> dict[str, np.ndarray]:
    return {"shape": np.array(shape), "seed": np.array(seed)}


def shipped(backend: Backend, spec: Initialization) -> np.ndarray:
    return backend.initialization.native(spec)(inputs())["weight"]


def std_error(law: str) -> float:
    """The standard error of a sample's standard deviation, over the law's: from its kurtosis."""
    kurtosis = float(LAWS[law].stats("k")) + 3
    return float(np.sqrt((kurtosis - 1) / (4 * SIZE)))


def assert_follows(law: str, z: np.ndarray) -> None:
    """Mean, standard deviation, tails and the whole distribution function of numbers divided by
    their law's deviation.
    """
    assert abs(z.mean()) < 5 / np.sqrt(SIZE)
    assert abs(z.std() - 1) < 5 * std_error(law)
    largest = np.abs(z).max()
    match law:
        case "normal":
            assert largest > 4
        case "truncated_normal":
            assert 0.999 * BOUND < largest <= BOUND * (1 + 1e-12)
        case "uniform":
            assert 0.999 * np.sqrt(3) < largest <= np.sqrt(3) * (1 + 1e-12)
    assert stats.kstest(z.ravel(), LAWS[law].cdf).pvalue > 1e-3
