"""What a trained network gets on the test set, where the targets are real."""

from __future__ import annotations

import numpy as np
import pytest

from common import task
from common.task import Task
from experiments import evaluation


@pytest.fixture(scope="module")
def data() -> task.Data:
    return task.load(Task(source="diabetes"))


def test_guessing_gets_the_variance_of_the_targets(data: task.Data) -> None:
    """The network that says the training set's mean, which is 0, and the one that knows all."""
    mean = evaluation.fit(data.y_test[None, :, 0] ** 2, data)
    all_known = evaluation.fit(np.zeros((1, 89)), data)
    assert mean.loss == pytest.approx([mean.guessing], rel=1e-12)
    assert mean.best_guess == pytest.approx(data.y_test.var(), rel=1e-12)
    assert mean.best_guess <= mean.guessing
    assert all_known.error == pytest.approx([all_known.guess_error], rel=1e-12), (
        "all that the guess misses is gained"
    )


def test_the_error_is_that_of_the_difference_sample_by_sample(data: task.Data) -> None:
    """Of a network that is nearer by the same at every sample it is 0, however much the samples
    differ.
    """
    squares = (data.y_test[:, 0] - data.y_test.mean()) ** 2
    fit = evaluation.fit(np.stack([squares - 0.01, squares * 0.5]), data)
    assert fit.error[0] < 1e-12
    assert fit.error[1] == pytest.approx(0.5 * squares.std(ddof=1) / np.sqrt(89), rel=1e-12)
    assert fit.loss == pytest.approx([squares.mean() - 0.01, squares.mean() / 2], rel=1e-12)


def test_one_test_sample_has_no_error() -> None:
    assert np.isnan(evaluation.standard_error(np.ones(1)))
