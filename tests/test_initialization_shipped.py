"""Initialization as the frameworks ship it: what is drawn under the same names."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from common.backend import Backend
from common.countermeasures.initialization import Constant, Gaussian
from common.distribution import TRUNCATED_STD
from tests.laws import STANDARD_DEVIATIONS, assert_follows, shipped, spec_of

CUTS_NATIVE_NORMALS = {"torch": False, "keras": True, "jax": True}


def test_the_shipped_constant_of_keras_is_rounded_to_float32(backend: Backend) -> None:
    expected = float(np.float32(0.3)) if backend.name == "keras" else 0.3
    assert (shipped(backend, Constant(value=0.3)) == expected).all()


@pytest.mark.parametrize("name", ["xavier-in", "xavier-avg", "he"])
def test_shipped_normal_laws_are_truncated_in_keras_and_jax_and_not_in_torch(
    backend: Backend, name: str
) -> None:
    z = shipped(backend, spec_of(name, "normal")) / STANDARD_DEVIATIONS[name]
    assert_follows("truncated_normal" if CUTS_NATIVE_NORMALS[backend.name] else "normal", z)


@pytest.mark.parametrize("name", ["xavier-in", "xavier-avg", "he"])
def test_shipped_uniform_laws_are_the_same_in_all_three(backend: Backend, name: str) -> None:
    assert_follows(
        "uniform", shipped(backend, spec_of(name, "uniform")) / STANDARD_DEVIATIONS[name]
    )


def test_the_shipped_gaussian_is_not_truncated(backend: Backend) -> None:
    assert_follows("normal", shipped(backend, Gaussian(std=0.05)) / 0.05)


def test_the_shipped_truncated_normal_does_not_keep_its_standard_deviation(
    backend: Backend,
) -> None:
    w = shipped(backend, Gaussian(std=0.05, distribution="truncated_normal"))
    if backend.name == "torch":  # its bounds are -2 and 2, whatever the standard deviation
        assert_follows("normal", w / 0.05)
    else:
        assert_follows("truncated_normal", w / (TRUNCATED_STD * 0.05))
        assert np.abs(w).max() <= 2 * 0.05


def test_torchs_bounds_of_a_truncated_normal_are_absolute(backend: Backend) -> None:
    largest = np.abs(shipped(backend, Gaussian(std=5.0, distribution="truncated_normal"))).max()
    bound = 2.0 if backend.name == "torch" else 10.0
    assert 0.999 * bound < largest <= bound


def test_the_shipped_uniform_law_takes_a_bound_and_is_one_sided_in_jax(backend: Backend) -> None:
    w = shipped(backend, Gaussian(std=0.05, distribution="uniform"))
    low = 0.0 if backend.name == "jax" else -0.05
    assert low <= w.min() < low + 1e-5
    assert 0.05 - 1e-5 < w.max() <= 0.05
    assert stats.kstest(w.ravel(), stats.uniform(low, 0.05 - low).cdf).pvalue > 1e-3
