"""What is learnt: handwritten digits, or a user's own classification data in an .npz file.

Digits are the 1,797 real 8x8 images that scikit-learn ships. A file has `x [samples, features]` and `y [samples]`, labels that
are numbered 0, 1, 2 ... in their order (common/datafile.py says what is accepted). A fixed share of the samples, drawn once
with seed 0, is the test set; every feature is centred and scaled by the mean and standard deviation of the training set (a
constant feature becomes 0), at whatever scale: a feature times a power of two gives the same numbers. With `standardized =
"no"` the samples go in as they are.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from common import datafile
from common.errors import UserError
from common.spec import Spec

Standardized = Literal["by feature, over the training set", "no"]
BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]


class Task(Spec, frozen=True):
    """Which data, and how they are cut.

    Attributes:
        source: `digits`, or the path of an .npz file.
        sha256: Digest of the file's bytes, empty for digits; a file that changed is another task.
    """

    source: str = "digits"
    sha256: str = ""
    batch_size: BatchSize = 128
    test_fraction: float = Field(default=0.2, gt=0, lt=1)
    standardized: Standardized = "by feature, over the training set"


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
    def shares(self) -> np.ndarray:
        """The share of each class in the training set [class]."""
        return np.bincount(self.y_train, minlength=self.classes) / len(self.y_train)


@cache
def digest_of(source: str) -> str:
    """The SHA-256 of a data file's bytes when this process asked first, or an empty string for digits.

    Raises:
        UserError: The file cannot be read.
    """
    return "" if source == "digits" else hashlib.sha256(datafile.content_of(source)).hexdigest()


def _promised(task: Task) -> bytes:
    """The bytes of the task's file, which are those that its digest is of."""
    content = datafile.content_of(task.source)
    if task.sha256 and hashlib.sha256(content).hexdigest() != task.sha256:
        raise UserError(f"the data file changed while it was in use: {task.source}; leave it as it is and run again")
    return content


@cache
def load(task: Task) -> Data:
    """The task's data, split and standardized.

    Raises:
        UserError: The file is not one that `common.datafile` accepts or not the one that the task was made of, a batch does
            not fit, or all features are constant.
    """
    x, y = _digits() if task.source == "digits" else datafile.read(task.source, _promised(task))
    order = np.random.default_rng(np.random.Philox(key=0)).permutation(len(x))
    n_test = math.ceil(task.test_fraction * len(x))
    test, train = order[:n_test], order[n_test:]
    if len(train) < task.batch_size:
        raise UserError(
            f"a batch must fit into the training set; received batch size {task.batch_size} for {len(train)} training "
            f"samples of {task.source}; lower --batch-size"
        )
    x = x if task.standardized == "no" else _standardized(x, train)
    if (x[train].max(0) == x[train].min(0)).all():
        which = f"all {x.shape[1]} features are" if x.shape[1] > 1 else "its only feature is"
        raise UserError(f"{task.source}: {which} constant over the training set; give an 'x' that differs between samples")
    if not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise UserError(
            f"{task.source}: 'x' must be finite once it is scaled; received a value at [{row}, {column}] more than 1e308 "
            "standard deviations of the training set away; leave that sample out"
        )
    return Data(x[train], y[train], x[test], y[test])


def _standardized(x: np.ndarray, train: np.ndarray) -> np.ndarray:
    # by a power of two the largest number of a feature is brought to 1, which is exact: a square neither overflows nor vanishes
    _, exponents = np.frexp(np.abs(x[train]).max(0))
    with np.errstate(over="ignore", invalid="ignore"):
        x = np.ldexp(x, -exponents)
        training = x[train]
        # not std > 0: the mean of equal numbers may be off by a unit in the last place
        constant = training.max(0) == training.min(0)
        return np.where(constant, 0.0, (x - training.mean(0)) / np.where(constant, 1.0, training.std(0)))


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """The file that `sklearn.datasets.load_digits` reads, without the second that it takes to import scikit-learn."""
    package = find_spec("sklearn")
    assert package, "scikit-learn is a dependency of this project"
    assert package.origin
    table = np.loadtxt(Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    return table[:, :-1], table[:, -1].astype(np.int64)
