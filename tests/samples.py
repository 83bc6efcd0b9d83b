"""Twenty samples in files of their own, and the message with which a file is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.errors import UserError
from common.task import Data, Task, load

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
