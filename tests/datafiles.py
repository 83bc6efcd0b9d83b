"""Samples in files, and what becomes of a file: its data, or a refusal whose line of Python is
run.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common import datafile
from common.errors import COLUMNS, UserError
from common.text import columns

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
Y = RNG.integers(3, size=30)
SEQUENCES = X.reshape(30, 2, 2)
NAMES = np.array(["setosa", "versicolor", "virginica"])


def saved(folder: Path, **arrays: Any) -> Path:
    path = folder / "it's {mine}.npz"
    np.savez(path, **arrays)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        datafile.read(str(path))
    message = str(refused.value)
    assert "\n" not in message
    assert str(path)[:16] in message
    assert columns(refused.value.line) <= COLUMNS
    return message


def cured(path: Path, **names: Any) -> tuple[np.ndarray, np.ndarray]:
    """The data of the file that the message's line of Python makes."""
    code = re.search(r"in Python[^:]*: (.*)$", refusal(path))
    assert code, refusal(path)
    before = set(path.parent.iterdir())
    exec(code[1], dict(names))
    (made,) = set(path.parent.iterdir()) - before
    assert made.suffix == ".npz"
    return datafile.read(str(made))


def same(found: tuple[np.ndarray, np.ndarray], x: np.ndarray = X, y: np.ndarray = Y) -> bool:
    assert (found[0].dtype, found[1].dtype) == (np.float64, np.int64)
    return np.array_equal(found[0], x) and np.array_equal(found[1], y)
