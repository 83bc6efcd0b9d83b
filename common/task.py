"""What is learnt: data of the project (common/sources.py), or a user's own in an .npz file.

A file has `x [samples, features]`, or sequences `x [samples, time, features]`; and `y`, labels that
are numbered 0, 1, 2 ... in their order, or real targets (common/datafile/ says what is accepted). A
fixed share of the samples, drawn once with seed 0, is the test set. Every feature, and every real
target, is centred and scaled by its mean and standard deviation over the training set, and over the
time of a sequence (a constant feature becomes 0), at whatever scale: a feature times a power of two
gives the same numbers. With `standardized = "no"` the numbers are as they are. Those of the adding
problem always are: its markers are no measurement.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from common import datafile, sources
from common.errors import UserError
from common.sources import ADDING
from common.spec import Spec

Standardized = Literal["by feature, over the training set", "no"]
BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]
Time = Annotated[int, Field(ge=2, le=10_000)]


class Task(Spec, frozen=True):
    """Which data, and how they are cut.

    Attributes:
        source: One of `common.sources.NAMES`, or the path of an .npz file.
        sha256: Digest of the file's bytes, empty for what is no file; a file that changed is
            another task.
        time: Steps of a sequence of the adding problem, 50 if none are given; None for all else,
            whose data have their own.
        standardized: "no" for the adding problem.
    """

    source: str = "digits"
    sha256: str = ""
    time: Time | None = None
    batch_size: BatchSize = 128
    test_fraction: float = Field(default=0.2, gt=0, lt=1)
    standardized: Standardized = "by feature, over the training set"

    @model_validator(mode="before")
    @classmethod
    def _the_adding_problem_has_its_own(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("source") != ADDING:
            return given
        return given | {"time": given.get("time") or 50, "standardized": "no"}

    @model_validator(mode="after")
    def _only_what_is_drawn_has_a_time(self) -> Task:
        if self.time is not None and self.source != ADDING:
            raise ValueError(
                f"time is of the data {ADDING} only, others have their own; received time = "
                f"{self.time} with {self.source}; leave it out"
            )
        return self


@dataclass(frozen=True)
class Data:
    """Standardized samples and what they are held to, training and test.

    Attributes:
        x_train: [samples, features] or [samples, time, features], float64.
        y_train: Labels [samples] int64, or real targets [samples, target] float64.
        x_test: As those of the training set.
        y_test: As those of the training set.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @property
    def features(self) -> int:
        """How many numbers a sample has, at each time step if it is a sequence."""
        return self.x_train.shape[-1]

    @property
    def time(self) -> int | None:
        """How many steps a sequence has; None where the samples are vectors."""
        return self.x_train.shape[1] if self.x_train.ndim == 3 else None

    @property
    def targets(self) -> int | None:
        """How many real numbers a sample is held to; None where it has a class."""
        return self.y_train.shape[1] if self.y_train.dtype.kind == "f" else None

    @property
    def classes(self) -> int | None:
        """How many classes there are, over training and test samples; None of real targets."""
        return None if self.targets else 1 + int(max(self.y_train.max(), self.y_test.max()))

    @property
    def guessing(self) -> float:
        """The share of test samples that guessing the most frequent training class gets right."""
        return float((self.y_test == np.bincount(self.y_train).argmax()).mean())

    @property
    def best_guess(self) -> float:
        """The share of the test set's most frequent class.

        No guess that does not look at the sample can expect more.
        """
        return float(np.bincount(self.y_test).max() / len(self.y_test))

    @property
    def shares(self) -> np.ndarray:
        """The share of each class in the training set [class]."""
        return np.bincount(self.y_train, minlength=self.classes or 0) / len(self.y_train)


@cache
def digest_of(source: str) -> str:
    """The SHA-256 of a data file's bytes when this process asked first; empty for what is no file.

    Raises:
        UserError: The file cannot be read.
    """
    return (
        "" if source in sources.NAMES else hashlib.sha256(datafile.content_of(source)).hexdigest()
    )


def _promised(task: Task) -> bytes:
    """The bytes of the task's file, which are those that its digest is of."""
    content = datafile.content_of(task.source)
    if task.sha256 and hashlib.sha256(content).hexdigest() != task.sha256:
        raise UserError(
            f"the data file changed while it was in use: {task.source}; leave it as it is and run "
            "again"
        )
    return content


@cache
def load(task: Task) -> Data:
    """The task's data, split and standardized.

    Raises:
        UserError: The file is not one that `common.datafile` accepts or not the one that the task
            was made of, a batch does not fit, or all features are constant.
    """
    x, y = _read(task)
    train, test = split(len(x), task.test_fraction)
    if len(train) < task.batch_size:
        raise UserError(
            f"a batch must fit into the training set; received batch size {task.batch_size} for "
            f"{len(train)} training samples of {task.source}; lower --batch-size"
        )
    real = y.dtype.kind == "f"
    if task.standardized != "no":
        x = _standardized(x, train)
        y = _standardized(y, train) if real else y
    _check_differing(task.source, "x", x[train])
    _check_finite(task.source, "x", x)
    if real:
        _check_differing(task.source, "y", y[train])
        _check_finite(task.source, "y", y)
    return Data(x[train], y[train], x[test], y[test])


def split(samples: int, test_fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """The indices of the training and of the test set: the same for everybody."""
    order = np.random.default_rng(np.random.Philox(key=0)).permutation(samples)
    n_test = math.ceil(test_fraction * samples)
    return order[n_test:], order[:n_test]


def _read(task: Task) -> sources.Arrays:
    if task.source == ADDING:
        assert task.time
        return sources.adding(task.time)
    if task.source in sources.SHIPPED:
        return sources.SHIPPED[task.source]()
    return datafile.read(task.source, _promised(task))


def _check_differing(source: str, key: str, training: np.ndarray) -> None:
    """Refuse what is the same for every sample, of which nothing can be learnt."""
    if not (training.max(0) == training.min(0)).all():
        return
    word = {"x": "feature", "y": "target"}[key]
    count = training.shape[-1]
    which = f"all {count} {word}s are" if count > 1 else f"its only {word} is"
    raise UserError(
        f"{source}: {which} constant over the training set; give {key!r} that differs between "
        "samples"
    )


def _check_finite(source: str, key: str, a: np.ndarray) -> None:
    """Refuse what is beyond all numbers once it is scaled."""
    if np.isfinite(a).all():
        return
    place = ", ".join(map(str, np.argwhere(~np.isfinite(a))[0]))
    raise UserError(
        f"{source}: {key!r} must be finite once it is scaled; received a value at [{place}] more "
        "than 1e308 standard deviations of the training set away; leave that sample out"
    )


def _standardized(a: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Arrays [sample, ..., feature], each feature by its mean and deviation in the training set."""
    axes = tuple(range(a.ndim - 1))
    # by a power of two the largest number of a feature is brought to 1, which is exact: a square
    # neither overflows nor vanishes
    _, exponents = np.frexp(np.abs(a[train]).max(axes))
    with np.errstate(over="ignore", invalid="ignore"):
        a = np.ldexp(a, -exponents)
        training = a[train]
        # not std > 0: the mean of equal numbers may be off by a unit in the last place
        constant = training.max(axes) == training.min(axes)
        return np.where(
            constant, 0.0, (a - training.mean(axes)) / np.where(constant, 1.0, training.std(axes))
        )
