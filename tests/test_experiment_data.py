"""An experiment's data: what a file decides, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.experiment import plans, read
from tests.experiment_files import SMALL, message

X = np.arange(400.0).reshape(200, 2)


Y = np.arange(200) % 3


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"x": X}, "key 'y' is missing"),
        ({"data": X, "y": Y}, "key 'x' is missing"),
        ({"x": X[:, 0], "y": Y}, "'x' must be numbers [samples, features]"),
        ({"x": X, "y": Y[:-1]}, "'x' and 'y' must have as many samples; received 200 and 199"),
        (
            {"x": X, "y": Y + 0.5},
            "real targets need the loss squared_error; received cross_entropy with",
        ),
        ({"x": np.where(X == 7, np.nan, X), "y": Y}, "'x' must be finite; received nan at [3, 1]"),
        ({"x": X, "y": Y * 0}, "'y' must have at least two classes; received only the label 0"),
    ],
    ids=["no y", "no x", "one axis", "lengths", "fractions", "nan", "one class"],
)
def test_unusable_data_are_named_with_file_and_key(
    tmp_path: Path, arrays: dict[str, np.ndarray], expected: str
) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    text = message("countermeasures", data=str(path))
    assert expected in text
    assert str(path) in text


def test_a_data_file_decides_features_and_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x=X, y=Y)
    plan = next(
        iter(plans(read("countermeasures"), SMALL | {"data": str(tmp_path / "mine.npz")}).values())
    )
    assert (plan.network.features, plan.network.classes) == (2, 3)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"data": "adding", "loss": "squared_error"},
            "received sequences of 50 steps of 2 features in adding; name data without time",
        ),
        (
            {"data": "digits by pixel"},
            "received sequences of 64 steps of 1 feature in digits by pixel; name",
        ),
        (
            {"data": "diabetes"},
            (
                "need the loss squared_error; received cross_entropy with diabetes; set loss = "
                '"squared_error"'
            ),
        ),
        (
            {"time": 30},
            (
                "time is of the data adding only, others have their own; received time = 30 with "
                "digits; leave it out"
            ),
        ),
        (
            {"data": "adding", "standardized": "by feature, over the training set"},
            "the data adding go in as they are; received",
        ),
    ],
    ids=["sequences", "one feature", "loss", "time", "standardized"],
)
def test_what_a_perceptron_or_its_data_cannot_be_is_refused_with_the_cure(
    settings: dict[str, Any], said: str
) -> None:
    assert said in message("countermeasures", **settings)


def test_sequences_of_a_file_are_refused_with_what_makes_vectors_of_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x=np.arange(800.0).reshape(200, 2, 2), y=np.arange(200) % 3)
    text = message("countermeasures", data=str(tmp_path / "mine.npz"))
    assert "received sequences of 2 steps of 2 features in" in text
    assert text.endswith("put its steps side by side: x.reshape(len(x), -1)")
