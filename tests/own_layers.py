"""Layers of a framework as the definition is asked for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.causes._definition import forward
from tests.definitions import Arrays, torch

__all__ = ["torch"]


def first(x: np.ndarray) -> np.ndarray:
    """Channels behind the batch."""
    return np.moveaxis(x, -1, 1)


def own(
    kind: str, config: dict[str, Any], arrays: Arrays, *inputs: np.ndarray, **statistics: np.ndarray
) -> np.ndarray:
    return forward(kind, config, arrays, statistics, inputs)
