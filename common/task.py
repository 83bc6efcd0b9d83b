"""What is learnt: handwritten digits, or a user's own classification data in an .npz file.

Digits are the 1,797 real 8x8 images that scikit-learn ships. A file has `x [samples, features]` and `y [samples]` with
integer labels, which are numbered 0, 1, 2 ... in their order. A fixed share of the samples, drawn once with seed 0, is the test
set; every feature is centred and scaled by the mean and standard deviation of the training set (a constant feature becomes 0).
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from common.errors import UserError, nearest
from common.spec import Spec


class Task(Spec, frozen=True):
    """Which data, and how they are cut.

    Attributes:
        source: `digits`, or the path of an .npz file.
        sha256: Digest of the file's bytes, empty for digits; a file that changed is another task.
    """

    source: str = "digits"
    sha256: str = ""
    batch_size: int = Field(default=128, ge=1)
    test_fraction: float = Field(default=0.2, gt=0, lt=1)
    standardized: Literal["by feature, over the training set"] = "by feature, over the training set"


@dataclass(frozen=True)
class Data:
    """Standardized samples x [samples, features] float64 and labels y [samples] int64, training and test."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @property
    def features(self) -> int:
        """How many numbers a sample has."""
        return self.x_train.shape[1]

    @property
    def classes(self) -> int:
        """How many classes there are, over training and test samples."""
        return 1 + int(max(self.y_train.max(), self.y_test.max()))

    @property
    def guessing(self) -> float:
        """The share of test samples that guessing the training set's most frequent class gets right."""
        return float((self.y_test == np.bincount(self.y_train).argmax()).mean())

    @property
    def best_guess(self) -> float:
        """The share of the test set's most frequent class: no guess that does not look at the sample can expect more."""
        return float(np.bincount(self.y_test).max() / len(self.y_test))

    @property
    def guessing_loss(self) -> float:
        """The cross-entropy of guessing by the training set's class frequencies, over the training set."""
        counts = np.bincount(self.y_train)
        shares = counts[counts > 0] / len(self.y_train)
        return float(-(shares * np.log(shares)).sum())


def digest_of(source: str) -> str:
    """The SHA-256 of a data file's bytes, or an empty string for digits.

    Raises:
        UserError: The file cannot be read.
    """
    if source == "digits":
        return ""
    try:
        return hashlib.sha256(Path(source).read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"--data must name a readable .npz file; received {source}: {error.strerror}") from None


@cache
def load(task: Task) -> Data:
    """The task's data, split and standardized.

    Raises:
        UserError: The file lacks a key, or holds a wrong shape, a NaN or one class only.
    """
    x, y = _digits() if task.source == "digits" else _read_npz(task.source)
    order = np.random.default_rng(np.random.Philox(key=0)).permutation(len(x))
    n_test = math.ceil(task.test_fraction * len(x))
    test, train = order[:n_test], order[n_test:]
    if len(train) < task.batch_size:
        raise UserError(
            f"a batch must fit into the training set; received batch size {task.batch_size} for {len(train)} training "
            f"samples of {task.source}; lower --batch-size"
        )
    x = _standardized(x, x[train])
    if not np.isfinite(x).all():
        raise UserError(f"{task.source}: 'x' must have a finite mean and variance; received values up to 1e308; scale them")
    return Data(x[train], y[train], x[test], y[test])


def _standardized(x: np.ndarray, training: np.ndarray) -> np.ndarray:
    # not std > 0: the mean of equal numbers may be off by a unit in the last place
    constant = training.max(0) == training.min(0)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(constant, 0.0, (x - training.mean(0)) / np.where(constant, 1.0, training.std(0)))


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """The file that `sklearn.datasets.load_digits` reads, without the second that it takes to import scikit-learn."""
    package = find_spec("sklearn")
    assert package, "scikit-learn is a dependency of this project"
    assert package.origin
    table = np.loadtxt(Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    return table[:, :-1], table[:, -1].astype(np.int64)


def _read_npz(path: str) -> tuple[np.ndarray, np.ndarray]:
    arrays = _arrays_of(path)
    x, y = arrays["x"], arrays["y"]
    if x.ndim != 2 or x.dtype.kind not in "fiub" or 0 in x.shape:
        raise UserError(f"{path}: 'x' must be numbers [samples, features]; received shape {x.shape} of {x.dtype}")
    if y.ndim != 1 or y.dtype.kind not in "iub":
        raise UserError(f"{path}: 'y' must be integer labels [samples]; received shape {y.shape} of {y.dtype}")
    if len(x) != len(y):
        raise UserError(f"{path}: 'x' and 'y' must have as many samples; received {len(x)} and {len(y)}")
    x = x.astype(np.float64)
    if not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise UserError(f"{path}: 'x' must be finite; received {x[row, column]} at [{row}, {column}]")
    labels, y = np.unique(y, return_inverse=True)
    if len(labels) < 2:
        raise UserError(f"{path}: 'y' must have at least two classes; received only the label {labels[0]}")
    return x, y.astype(np.int64)


def _arrays_of(path: str) -> dict[str, np.ndarray]:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            keys = arrays.files
            found = {key: arrays[key] for key in ("x", "y") if key in keys}
    except Exception as error:  # a damaged archive raises whatever its decoder stumbles over
        raise UserError(f"{path} must be an .npz file with arrays x and y, saved without pickle; received: {error}") from None
    for key in ("x", "y"):
        if key not in found:
            raise UserError(
                f"{path}: key {key!r} is missing; expected x [samples, features] and y [samples]; "
                f"received {', '.join(keys) or 'no keys'}" + (nearest(key, keys) if keys else "")
            )
        if not isinstance(found[key], np.ndarray):
            raise UserError(f"{path} must be an .npz file with arrays x and y; received no array under {key!r}")
    return found
