from __future__ import annotations

import hashlib
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import UserError
from common.sources import adding, diabetes, digits
from common.task import Data, Task, digest_of, load

X = np.arange(40, dtype=float).reshape(20, 2) ** 2
Y = np.arange(20) % 2
ORDER = np.random.default_rng(np.random.Philox(key=0)).permutation(20)


def saved(folder: Path, **arrays: Any) -> str:
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return str(path)


def refusal(source: str, batch_size: int = 4) -> str:
    """The message with which a file is refused: one line that begins with the file's name."""
    with pytest.raises(UserError) as refused:
        load(Task(source=source, batch_size=batch_size))
    message = str(refused.value)
    assert "\n" not in message
    assert source[:16] in message
    return message


def split(x: np.ndarray, y: np.ndarray, folder: Path) -> Data:
    return load(Task(source=saved(folder, x=x, y=y), batch_size=2))


def test_digits_are_1797_samples_of_which_360_are_kept_for_the_test() -> None:
    data = load(Task())
    assert data.x_train.shape == (1437, 64)
    assert data.x_test.shape == (360, 64)


def test_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    for found, expected in zip(digits(), load_digits(return_X_y=True), strict=True):
        assert np.array_equal(found, expected)


def test_digits_are_8_by_8_pixels_in_10_classes() -> None:
    data = load(Task())
    assert len(data.x_train) + len(data.x_test) == 1797
    assert (data.features, data.classes) == (64, 10)
    assert set(data.y_train) == set(data.y_test) == set(range(10))
    assert data.x_train.dtype == np.float64
    assert data.y_train.dtype == np.int64


def test_the_samples_go_in_as_they_are_where_nothing_is_standardized() -> None:
    raw, scaled = load(Task(standardized="no")), load(Task())
    assert set(np.unique(raw.x_train)) == set(range(17)), "the grey levels of the digits"
    assert np.array_equal(raw.y_train, scaled.y_train)
    own = (raw.x_train - raw.x_train.mean(0)) / np.where(raw.x_train.std(0), raw.x_train.std(0), 1)
    assert np.allclose(own, scaled.x_train, atol=1e-12)


def test_training_features_have_mean_0_and_standard_deviation_1_and_constant_ones_are_0() -> None:
    x = load(Task()).x_train
    constant = x.std(0) == 0
    assert 0 < constant.sum() < 10
    assert (x[:, constant] == 0).all()
    assert np.abs(x.mean(0)).max() < 1e-13
    assert np.abs(x[:, ~constant].std(0) - 1).max() < 1e-13


def test_the_test_set_is_scaled_by_the_training_set(tmp_path: Path) -> None:
    data = split(X, Y, tmp_path)
    mean, std = X[ORDER[4:]].mean(0), X[ORDER[4:]].std(0)
    assert np.allclose(data.x_test, (X[ORDER[:4]] - mean) / std, rtol=0, atol=1e-14)
    assert np.allclose(data.x_train, (X[ORDER[4:]] - mean) / std, rtol=0, atol=1e-14)


@pytest.mark.parametrize("value", [8.0, 0.0, 0.1, -123.456])
def test_a_constant_feature_of_a_file_becomes_0(tmp_path: Path, value: float) -> None:
    x = np.column_stack([np.arange(100), np.full(100, value)])
    data = split(x, np.arange(100) % 2, tmp_path)
    assert (data.x_train[:, 1] == 0).all()
    assert (data.x_test[:, 1] == 0).all()


@pytest.mark.parametrize("labels", [(5, 9), (-3, 0), (0, 1), (True, False), (2**62, 7)], ids=str)
def test_labels_are_numbered_in_their_order(tmp_path: Path, labels: tuple[int, int]) -> None:
    y = np.array(labels)[Y]
    data = split(X, y, tmp_path)
    assert data.classes == 2
    assert np.array_equal(np.concatenate([data.y_test, data.y_train]), (y == max(labels))[ORDER])


@settings(max_examples=25, deadline=None)
@given(n=st.integers(7, 60), fraction=st.floats(0.01, 0.7))
def test_the_test_set_has_its_fraction_and_at_least_one_sample(
    tmp_path_factory: pytest.TempPathFactory, n: int, fraction: float
) -> None:
    source = saved(tmp_path_factory.mktemp("split"), x=np.arange(n * 2.0).reshape(n, 2), y=np.arange(n) % 2)
    data = load(Task(source=source, batch_size=1, test_fraction=fraction))
    assert len(data.x_train) + len(data.x_test) == n
    assert len(data.x_test) >= 1
    assert 0 <= len(data.x_test) - fraction * n < 1


def test_a_file_without_any_key_is_refused(tmp_path: Path) -> None:
    assert "no keys" in refusal(saved(tmp_path))


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (X[:, 0], Y, r"'x' must be numbers \[samples, features\] or \[samples, time, features\]; received shape \(20,\)"),
        (X[..., None, None], Y, r"'x' must be numbers .* shape \(20, 2, 1, 1\)"),
        (X[:0], Y[:0], r"'x' must be numbers .* shape \(0, 2\)"),
        (X[:, :0], Y, r"'x' must be numbers .* shape \(20, 0\)"),
        (X + 1j, Y, r"'x' must be numbers .* of complex128"),
        (X.astype(str), Y, r"'x' must be numbers .* of <U"),
        (X, Y[:, None] * [1, 1], r"'y' must be integer labels .* of int64"),
        (X, np.full(20, 0.5), "its only target is constant over the training set"),
        (X, np.full((20, 2), [0.5, 3]), "all 2 targets are constant over the training set"),
        (X, np.where(np.arange(20) == 3, np.inf, Y / 2), r"'y' must be finite; received inf at \[3\]"),
        (X, Y[:-1], r"'x' and 'y' must have as many samples; received 20 and 19"),
        (X, np.full(20, 7), r"'y' must have at least two classes; received only the label 7"),
    ],
)
def test_a_wrong_array_is_refused_by_its_key(tmp_path: Path, x: np.ndarray, y: np.ndarray, said: str) -> None:
    assert re.search(said, refusal(saved(tmp_path, x=x, y=y)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@settings(max_examples=10, deadline=None)
@given(row=st.integers(0, 19), column=st.integers(0, 1))
def test_the_first_value_that_is_not_finite_is_named_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, value: float, row: int, column: int
) -> None:
    x = X.copy()
    x[row, column] = x[19, 1] = value
    source = saved(tmp_path_factory.mktemp("nan"), x=x, y=Y)
    assert f"'x' must be finite; received {value} at [{row}, {column}]; " in refusal(source)


def _archive(x: bytes) -> bytes:
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        archive.writestr("x.npy", x)
        archive.writestr("y.npy", x)
    return file.getvalue()


def _npy() -> bytes:
    np.save(file := io.BytesIO(), X)
    return file.getvalue()


def _damaged() -> bytes:
    np.savez_compressed(file := io.BytesIO(), x=np.arange(20000.0).reshape(-1, 2), y=np.arange(10000))
    content = bytearray(file.getvalue())
    content[100:200] = bytes(255 - byte for byte in content[100:200])
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"x,y\n1,2\n", id="text"),
        pytest.param(b"\x80\x04K\x01.", id="pickle"),
        pytest.param(b"PK\x03\x04 torn", id="torn"),
        pytest.param(b"", id="empty"),
        pytest.param(_npy(), id="npy"),
        pytest.param(_archive(b"hello"), id="text-in-zip"),
        pytest.param(_damaged(), id="damaged"),
    ],
)
def test_a_file_that_is_no_archive_of_arrays_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    assert "must be an .npz file" in refusal(str(path))


def whole(data: Data) -> np.ndarray:
    return np.concatenate([data.x_test, data.x_train])


# 16 rows of whole numbers of at most 16 times a power of two are exact from 2^-1074 on, and finite up to 2^1019
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
    x, folder = np.random.default_rng(seed).normal(size=(20, 2)), tmp_path_factory.mktemp("scale")
    assert np.array_equal(whole(split(np.ldexp(x, powers), Y, folder)), whole(split(x, Y, folder)))


def test_ordinary_data_are_standardized_by_their_mean_and_standard_deviation_to_the_bit() -> None:
    data, (x, _) = load(Task()), digits()
    order = np.random.default_rng(np.random.Philox(key=0)).permutation(len(x))
    x = x[order]
    mean, std = x[360:].mean(0), x[360:].std(0)
    constant = x[360:].max(0) == x[360:].min(0)
    assert np.array_equal(whole(data), np.where(constant, 0.0, (x - mean) / np.where(constant, 1.0, std)))


@pytest.mark.parametrize("largest", [1e154, 1e200, 1.7e308])
def test_large_data_are_not_silently_zero(tmp_path: Path, largest: float) -> None:
    data = split(X / X.max() * largest, Y, tmp_path)
    assert np.abs(data.x_train.std(0) - 1).max() < 1e-14


def test_one_enormous_sample_is_a_sample_like_others(tmp_path: Path) -> None:
    x = X.copy()
    x[3] = 1e6
    data = split(x, Y, tmp_path)
    assert np.abs(data.x_train.std(0) - 1).max() < 1e-13


def test_a_test_sample_beyond_all_numbers_once_it_is_scaled_is_refused_by_its_place(tmp_path: Path) -> None:
    x = X * 1e-300
    x[ORDER[0], 1] = 1e300
    found = refusal(saved(tmp_path, x=x, y=Y))
    assert f"received a value at [{ORDER[0]}, 1] more than 1e308 standard deviations" in found


@pytest.mark.parametrize(("features", "said"), [(1, "its only feature is constant"), (4, "all 4 features are constant")])
def test_features_that_are_all_constant_are_refused_and_not_called_dead(tmp_path: Path, features: int, said: str) -> None:
    x = np.arange(1.0, 1.0 + features) * np.ones((20, features))
    assert said in refusal(saved(tmp_path, x=x, y=Y))
    x[ORDER[0]] = 7.0  # of the test set
    assert said in refusal(saved(tmp_path, x=x, y=Y))
    x[ORDER[4]] = 7.0
    assert split(x, Y, tmp_path).features == features


@pytest.mark.parametrize("key", ["x", "y"])
def test_a_pickled_array_is_refused_unopened(tmp_path: Path, key: str) -> None:
    arrays = {"x": X, "y": Y} | {key: np.array([{}] * 20, dtype=object)}
    assert "saved without pickle" in refusal(saved(tmp_path, **arrays))


def test_a_batch_that_is_larger_than_the_training_set_is_refused(tmp_path: Path) -> None:
    source = saved(tmp_path, x=X, y=Y)
    assert "received batch size 17 for 16 training samples" in refusal(source, batch_size=17)
    assert len(load(Task(source=source, batch_size=16)).x_train) == 16


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "none.npz")
    assert "No such file" in refusal(path)
    with pytest.raises(UserError, match=re.escape(f"received {path}: No such file")):
        digest_of(path)


def test_a_file_that_changed_is_refused_and_not_taken_for_what_it_was(tmp_path: Path) -> None:
    source = saved(tmp_path, x=X, y=Y)
    task = Task(source=source, sha256=digest_of(source), batch_size=4)
    saved(tmp_path, x=X + 1, y=Y)
    said = f"the data file changed while it was in use: {source}; leave it as it is and run again"
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        load(task)
    saved(tmp_path, x=X, y=Y)
    assert digest_of(source) == task.sha256


def test_the_digest_is_that_of_the_files_bytes_and_digits_have_none(tmp_path: Path) -> None:
    source = saved(tmp_path, x=X, y=Y)
    assert digest_of(source) == hashlib.sha256(Path(source).read_bytes()).hexdigest()
    assert digest_of("digits") == ""


def test_diabetes_is_that_of_scikit_learn_and_digits_by_row_and_pixel_are_the_digits() -> None:
    from sklearn.datasets import load_diabetes

    x, y = diabetes()
    expected_x, expected_y = load_diabetes(return_X_y=True, scaled=False)
    assert np.array_equal(x, expected_x)
    assert np.array_equal(y, np.asarray(expected_y)[:, None])
    by_row, by_pixel = load(Task(source="digits by row", standardized="no")), load(Task(source="digits by pixel"))
    vectors = load(Task(standardized="no"))
    assert np.array_equal(by_row.x_train.reshape(-1, 64), vectors.x_train)
    assert np.array_equal(by_row.y_test, vectors.y_test)
    assert (by_row.time, by_row.features, by_pixel.time, by_pixel.features, vectors.time) == (8, 8, 64, 1, None)


def test_a_sequence_is_standardized_by_feature_over_samples_and_time() -> None:
    data = load(Task(source="digits by row"))
    assert np.abs(data.x_train.mean((0, 1))).max() < 1e-13
    assert np.abs(data.x_train.std((0, 1)) - 1).max() < 1e-12
    assert np.abs(data.x_train.mean(0)).max() > 0.4, "not each time step by itself"
    assert np.abs(load(Task(source="digits by pixel")).x_train.mean()) < 1e-13


def test_real_targets_are_standardized_over_the_training_set() -> None:
    data, raw = load(Task(source="diabetes")), load(Task(source="diabetes", standardized="no"))
    assert (data.targets, data.classes, data.features) == (1, None, 10)
    assert abs(data.y_train.mean()) < 1e-13
    assert abs(data.y_train.std() - 1) < 1e-13
    expected = (raw.y_test - raw.y_train.mean(0)) / raw.y_train.std(0)
    assert np.allclose(data.y_test, expected, rtol=0, atol=1e-13)
    assert (whole_y := np.concatenate([raw.y_train, raw.y_test])).min() == 25
    assert whole_y.max() == 346


@pytest.mark.parametrize("time", [2, 3, 50])
def test_the_adding_problem_marks_a_number_of_each_half_and_asks_for_their_sum(time: int) -> None:
    x, y = adding(time)
    assert (x.shape, y.shape) == ((6000, time, 2), (6000, 1))
    numbers, markers = x[..., 0], x[..., 1]
    assert set(np.unique(markers)) <= {0, 1}
    assert (markers[:, : time // 2].sum(1) == 1).all()
    assert (markers[:, time // 2 :].sum(1) == 1).all()
    assert (markers.sum(0) > 0).all(), "any step may be marked"
    assert np.allclose(y[:, 0], [row[mark == 1].sum() for row, mark in zip(numbers, markers, strict=True)], rtol=0, atol=1e-15)
    assert ((y - 1) ** 2).mean() == pytest.approx(1 / 6, rel=0.1), "that of two uniform numbers"


def test_the_adding_problem_goes_in_as_it_is_and_is_the_same_each_time() -> None:
    task = Task(source="adding")
    assert (task.time, task.standardized) == (50, "no")
    data = load(task)
    assert (data.x_train.shape, data.x_test.shape, data.targets) == ((4800, 50, 2), (1200, 50, 2), 1)
    assert set(np.unique(data.x_train[..., 1])) == {0, 1}
    assert np.array_equal(adding(50)[0], adding(50)[0])
    assert Task.model_validate_json(task.model_dump_json()) == task


def test_a_time_of_other_data_is_refused_with_the_cure() -> None:
    with pytest.raises(ValueError, match=r"time is of the data adding only, .*; received time = 20 with digits; leave it out"):
        Task(time=20)
