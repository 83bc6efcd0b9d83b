"""Tasks: the data that they name, how they are parted, and what the problem is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.sources import adding, diabetes, digits
from common.task import Task, load
from tests.samples import ORDER, X, Y, refusal, saved, split


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
    raw = load(Task(standardized="no"))
    scaled = load(Task())
    assert set(np.unique(raw.x_train)) == set(range(17)), "the grey levels of the digits"
    assert np.array_equal(raw.y_train, scaled.y_train)
    own = (raw.x_train - raw.x_train.mean(0)) / np.where(raw.x_train.std(0), raw.x_train.std(0), 1)
    assert np.allclose(own, scaled.x_train, atol=1e-12)


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
    source = saved(
        tmp_path_factory.mktemp("split"), x=np.arange(n * 2.0).reshape(n, 2), y=np.arange(n) % 2
    )
    data = load(Task(source=source, batch_size=1, test_fraction=fraction))
    assert len(data.x_train) + len(data.x_test) == n
    assert len(data.x_test) >= 1
    assert 0 <= len(data.x_test) - fraction * n < 1


def test_a_batch_that_is_larger_than_the_training_set_is_refused(tmp_path: Path) -> None:
    source = saved(tmp_path, x=X, y=Y)
    assert "received batch size 17 for 16 training samples" in refusal(source, batch_size=17)
    assert len(load(Task(source=source, batch_size=16)).x_train) == 16


def test_diabetes_is_that_of_scikit_learn_and_digits_by_row_and_pixel_are_the_digits() -> None:
    from sklearn.datasets import load_diabetes

    x, y = diabetes()
    expected_x, expected_y = load_diabetes(return_X_y=True, scaled=False)
    assert np.array_equal(x, expected_x)
    assert np.array_equal(y, np.asarray(expected_y)[:, None])
    by_row = load(Task(source="digits by row", standardized="no"))
    by_pixel = load(Task(source="digits by pixel"))
    vectors = load(Task(standardized="no"))
    assert np.array_equal(by_row.x_train.reshape(-1, 64), vectors.x_train)
    assert np.array_equal(by_row.y_test, vectors.y_test)
    assert (by_row.time, by_row.features, by_pixel.time, by_pixel.features, vectors.time) == (
        8,
        8,
        64,
        1,
        None,
    )


@pytest.mark.parametrize("time", [2, 3, 50])
def test_the_adding_problem_marks_a_number_of_each_half_and_asks_for_their_sum(time: int) -> None:
    x, y = adding(time)
    assert (x.shape, y.shape) == ((6000, time, 2), (6000, 1))
    numbers, markers = x[..., 0], x[..., 1]
    assert set(np.unique(markers)) <= {0, 1}
    assert (markers[:, : time // 2].sum(1) == 1).all()
    assert (markers[:, time // 2 :].sum(1) == 1).all()
    assert (markers.sum(0) > 0).all(), "any step may be marked"
    assert np.allclose(
        y[:, 0],
        [row[mark == 1].sum() for row, mark in zip(numbers, markers, strict=True)],
        rtol=0,
        atol=1e-15,
    )
    assert ((y - 1) ** 2).mean() == pytest.approx(1 / 6, rel=0.1), "that of two uniform numbers"


def test_the_adding_problem_goes_in_as_it_is_and_is_the_same_each_time() -> None:
    task = Task(source="adding")
    assert (task.time, task.standardized) == (50, "no")
    data = load(task)
    assert (data.x_train.shape, data.x_test.shape, data.targets) == (
        (4800, 50, 2),
        (1200, 50, 2),
        1,
    )
    assert set(np.unique(data.x_train[..., 1])) == {0, 1}
    assert np.array_equal(adding(50)[0], adding(50)[0])
    assert Task.model_validate_json(task.model_dump_json()) == task


def test_a_time_of_other_data_is_refused_with_the_cure() -> None:
    with pytest.raises(
        ValueError,
        match=r"time is of the data adding only, .*; received time = 20 with digits; leave it out",
    ):
        Task(time=20)
