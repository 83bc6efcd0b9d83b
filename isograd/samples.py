"""Samples of a batch, which is one input, or several as a tuple or by name."""

from __future__ import annotations

from typing import Any


def tuples(x: Any) -> Any:
    """Several inputs travel as a list."""
    return tuple(x) if isinstance(x, list) else x


def first(x: Any, count: int) -> Any:
    """The first samples, so many."""
    return _some(x, slice(count))


def _some(x: Any, which: slice) -> Any:
    """Some samples of one input or of several."""
    if isinstance(x, dict):
        return {name: _some(one, which) for name, one in x.items()}
    if isinstance(x, tuple):
        return tuple(_some(one, which) for one in x)
    return None if x is None else x[which]


def parts(x: Any, size: int) -> list[Any]:
    """All samples, so many at a time: what a model computes between fits into memory."""
    one = x
    while isinstance(one, dict | tuple):
        one = next(iter(one.values() if isinstance(one, dict) else one))
    return [_some(x, slice(start, start + size)) for start in range(0, len(one), size)]
