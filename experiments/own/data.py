"""The data of somebody's own model: as they are in the file, for the model knows what it takes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from common import datafile
from common.draw import stream
from common.errors import UserError
from common.task import split


@dataclass(frozen=True)
class Data:
    """Samples and what they are held to.

    Attributes:
        x: [sample, ...] numbers.
        y: [sample, ...] whole or real numbers.
    """

    x: np.ndarray
    y: np.ndarray

    def __getitem__(self, which: Any) -> Data:
        """Some of the samples."""
        return Data(self.x[which], self.y[which])

    def request(self) -> dict[str, Any]:
        """As an interpreter takes it."""
        return {"x": self.x, "y": self.y}


def read(path: str) -> Data:
    """The data of a file.

    Raises:
        UserError: It is no .npz file with finite numbers x and y of as many samples.
    """
    file, found = datafile.opened(path)
    x, y = found["x"], found["y"]
    for key, array in (("x", x), ("y", y)):
        if array.dtype.kind not in "fiub" or 0 in array.shape or not array.ndim:
            raise file.refuse(
                f"{key!r} must be numbers [samples, ...]; received shape {array.shape} of "
                f"{array.dtype}"
            )
        if not np.isfinite(array).all():
            place = ", ".join(map(str, np.argwhere(~np.isfinite(array))[0]))
            raise file.refuse(
                f"{key!r} must be finite; received another value at [{place}]; leave that sample "
                "out"
            )
    if len(x) != len(y):
        raise file.refuse(f"'x' and 'y' must have as many samples; received {len(x)} and {len(y)}")
    return Data(x, y.astype(np.int64) if y.dtype.kind in "iub" else y)


def parts(data: Data, test_fraction: float = 0.2) -> tuple[Data, Data]:
    """A training and a test set, split as `compare` splits its own."""
    train, test = split(len(data.x), test_fraction)
    return data[train], data[test]


def batches(data: Data, size: int, steps: int, seed: int) -> Iterator[Data]:
    """So many batches: every epoch goes through a shuffle of its own, as those of `compare` do."""
    n = len(data.x)
    if size > n:
        raise UserError(
            f"a batch must fit into the training set; received {size} for {n} samples; lower "
            "--batch-size"
        )
    per_epoch = math.floor(n / size)
    for step in range(steps):
        epoch, k = divmod(step, per_epoch)
        if k == 0:
            order = stream(seed, f"epoch {epoch}").permutation(n)
        yield data[order[k * size : (k + 1) * size]]
