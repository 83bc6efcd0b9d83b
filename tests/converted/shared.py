"""Sizes, batches and files that the model of eleven layers has in every framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import pytest

from backends.keras.trial import in_float64
from common.countermeasures.optimizer import Adam, Momentum, Optimizer
from experiments.converting import laws
from experiments.converting.asked import Asked, Converted
from experiments.converting.conversion import convert
from experiments.converting.files import Stored
from experiments.converting.laws import Framework
from tests.conftest import load

Arrays = dict[str, np.ndarray]

TOKENS = 11
WORDS = 4
FEATURES = 8
UNITS = 6
HEADS = 2
CLASSES = 3
RATE = 0.05
EPSILON = 1e-4
"""So large that it counts where it stands, and that the rounding of gradients that are 0 (a bias
before a norm) does not."""
OPTIMIZERS: dict[str, Optimizer] = {
    "momentum": Momentum(learning_rate=RATE),
    "adam": Adam(learning_rate=RATE, epsilon=EPSILON),
}


@pytest.fixture(scope="module", autouse=True)
def precise() -> Iterator[None]:
    """Keras' layers are made in float64, whatever another test has left behind."""
    with in_float64():
        yield


@pytest.fixture(scope="module", autouse=True)
def wings(request: pytest.FixtureRequest) -> None:
    for name in laws.FRAMEWORKS:
        load(name, request.config)


def batch(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens [batch, word], and classes [batch]."""
    rng = np.random.default_rng(seed)
    return rng.integers(TOKENS, size=(5, WORDS)), rng.integers(CLASSES, size=5)


def through(
    stored: Stored, source: str, target: str, like: Stored | None = None, **asked: Any
) -> Converted:
    """What a file becomes."""
    return convert(stored, like, Asked(cast(Framework, source), cast(Framework, target), **asked))


def file_of(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> Stored:
    """A file of these arrays: the library sorts them by name."""
    return Stored(dict(sorted(arrays.items())), dict(metadata or {}))


def equal(a: Arrays, b: Arrays) -> bool:
    return set(a) == set(b) and all(np.array_equal(a[name], b[name]) for name in a)


class Stepped(NamedTuple):
    """What a step left: the output before it in evaluation, and the file after it."""

    output: np.ndarray
    arrays: Arrays
