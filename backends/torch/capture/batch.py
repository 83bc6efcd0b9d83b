"""The user's batch: what a model is called with, how many samples it has, and its arrays."""

from __future__ import annotations

from typing import Any

from torch import nn

from .tensors import found, to_numpy


def called(model: nn.Module, x: Any) -> Any:
    """The model's output: x may be one tensor, a tuple of them, or a dictionary."""
    if isinstance(x, dict):
        return model(**x)
    return model(*x) if isinstance(x, tuple) else model(x)


def samples(x: Any, y: Any) -> int:
    """How many there are. The targets tell: x may have the time first."""
    first = (found(y) or found(x))[0]
    return len(first) if first.ndim else 1


def arrays(value: Any) -> Any:
    """Of several inputs a list or dictionary of arrays."""
    if isinstance(value, dict):
        return {key: arrays(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [arrays(one) for one in value]
    return to_numpy(value)
