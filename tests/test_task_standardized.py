"""Standardization: by the training set, to the bit where numbers allow, and nothing constant is
taken for data.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.sources import digits
from common.task import Data, Task, load
from tests.samples import ORDER, X, Y, refusal, saved, split


def test_training_features_have_mean_0_and_standard_deviation_1_and_constant_ones_are_0() -> None:
    x = load(Task()).x_train
    constant = x.std(0) == 0
    assert 0 < constant.sum() < 10
    assert (x[:, constant] == 0).all()
    assert np.abs(x.mean(0)).max() < 1e-13
    assert np.abs(x[:, ~constant].std(0) - 1).max() < 1e-13


def test_the_test_set_is_scaled_by_the_training_set(tmp_path: Path) -> None:
    data = split(X, Y, tmp_path)
    mean = X[ORDER[4:]].mean(0)
    std = X[ORDER[4:]].std(0)
    assert np.allclose(data.x_test, (X[ORDER[:4]] - mean) / std, rtol=0, atol=1e-14)
    assert np.allclose(data.x_train, (X[ORDER[4:]] - mean) / std, rtol=0, atol=1e-14)


@pytest.mark.parametrize("value", [8.0, 0.0, 0.1, -123.456])
def test_a_constant_feature_of_a_file_becomes_0(tmp_path: Path, value: float) -> None:
    x = np.column_stack([np.arange(100), np.full(100, value)])
    data = split(x, np.arange(100) % 2, tmp_path)
    assert (data.x_train[:, 1] == 0).all()
    assert (data.x_test[:, 1] == 0).all()


def whole(data: Data) -> np.ndarray:
    return np.concatenate([data.x_test, data.x_train])


# 16 rows of whole numbers of at most 16 times a power of two are exact from 2^-1074 on, and finite
# up to 2^1019
@pytest.mark.parametrize("power", [-1074, -1060, -1022, -512, -1, 1, 511, 512, 1000, 1019])
def test_a_feature_times_a_power_of_two_is_the_same_to_the_bit(tmp_path: Path, power: int) -> None:
    x = np.random.default_rng(0).integers(-16, 17, size=(20, 3)).astype(float)
    scaled = x * [1.0, 1.0, 0.0] + np.ldexp(x, power) * [0.0, 0.0, 1.0]
    assert len(np.unique(scaled[:, 2])) > 5
    assert np.array_equal(whole(split(scaled, Y, tmp_path)), whole(split(x, Y, tmp_path)))


@settings(max_examples=50, deadline=None)
@given(powers=st.lists(st.integers(-900, 900), min_size=2, max_size=2), seed=st.integers(0, 2**32))
def test_any_feature_times_any_power_of_two_is_the_same_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, powers: list[int], seed: int
) -> None:
    x = np.random.default_rng(seed).normal(size=(20, 2))
    folder = tmp_path_factory.mktemp("scale")
    assert np.array_equal(whole(split(np.ldexp(x, powers), Y, folder)), whole(split(x, Y, folder)))


def test_ordinary_data_are_standardized_by_their_mean_and_standard_deviation_to_the_bit() -> None:
    data, (x, _) = load(Task()), digits()
    order = np.random.default_rng(np.random.Philox(key=0)).permutation(len(x))
    x = x[order]
    mean = x[360:].mean(0)
    std = x[360:].std(0)
    constant = x[360:].max(0) == x[360:].min(0)
    assert np.array_equal(
        whole(data), np.where(constant, 0.0, (x - mean) / np.where(constant, 1.0, std))
    )


@pytest.mark.parametrize("largest", [1e154, 1e200, 1.7e308])
def test_large_data_are_not_silently_zero(tmp_path: Path, largest: float) -> None:
    data = split(X / X.max() * largest, Y, tmp_path)
    assert np.abs(data.x_train.std(0) - 1).max() < 1e-14


def test_one_enormous_sample_is_a_sample_like_others(tmp_path: Path) -> None:
    x = X.copy()
    x[3] = 1e6
    data = split(x, Y, tmp_path)
    assert np.abs(data.x_train.std(0) - 1).max() < 1e-13


def test_a_test_sample_beyond_all_numbers_once_it_is_scaled_is_refused_by_its_place(
    tmp_path: Path,
) -> None:
    x = X * 1e-300
    x[ORDER[0], 1] = 1e300
    found = refusal(saved(tmp_path, x=x, y=Y))
    assert f"received a value at [{ORDER[0]}, 1] more than 1e308 standard deviations" in found


@pytest.mark.parametrize(
    ("features", "said"), [(1, "its only feature is constant"), (4, "all 4 features are constant")]
)
def test_features_that_are_all_constant_are_refused_and_not_called_dead(
    tmp_path: Path, features: int, said: str
) -> None:
    x = np.arange(1.0, 1.0 + features) * np.ones((20, features))
    assert said in refusal(saved(tmp_path, x=x, y=Y))
    x[ORDER[0]] = 7.0  # of the test set
    assert said in refusal(saved(tmp_path, x=x, y=Y))
    x[ORDER[4]] = 7.0
    assert split(x, Y, tmp_path).features == features


def test_a_sequence_is_standardized_by_feature_over_samples_and_time() -> None:
    data = load(Task(source="digits by row"))
    assert np.abs(data.x_train.mean((0, 1))).max() < 1e-13
    assert np.abs(data.x_train.std((0, 1)) - 1).max() < 1e-12
    assert np.abs(data.x_train.mean(0)).max() > 0.4, "not each time step by itself"
    assert np.abs(load(Task(source="digits by pixel")).x_train.mean()) < 1e-13


def test_real_targets_are_standardized_over_the_training_set() -> None:
    data = load(Task(source="diabetes"))
    raw = load(Task(source="diabetes", standardized="no"))
    assert (data.targets, data.classes, data.features) == (1, None, 10)
    assert abs(data.y_train.mean()) < 1e-13
    assert abs(data.y_train.std() - 1) < 1e-13
    expected = (raw.y_test - raw.y_train.mean(0)) / raw.y_train.std(0)
    assert np.allclose(data.y_test, expected, rtol=0, atol=1e-13)
    assert (whole_y := np.concatenate([raw.y_train, raw.y_test])).min() == 25
    assert whole_y.max() == 346
