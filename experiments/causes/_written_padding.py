"""Padding that is written out in front of a window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from experiments.causes._case import Side


def padded(places: Sequence[Side]) -> Iterator[tuple[tuple[Side, ...], Side]]:
    """Zeros around the space, and then a convolution or a pooling."""
    for pad, window in pairwise(places):
        widths = (
            _zeros_around(pad)
            if window.kind in ("convolution", "pooling") and window.inputs
            else None
        )
        own = window.config.get("padding")
        if (
            widths is None
            or isinstance(own, str)
            or not np.array_equal(window.inputs[0], pad.output)  # type: ignore[arg-type]
        ):
            continue
        inner = own or [(0, 0)] * len(widths)
        padding = [(a + c, b + d) for (a, b), (c, d) in zip(widths, inner, strict=True)]
        config = {**window.config, "padding": padding, "counted": True, "zeros": True}
        yield (pad, window), replace(window, inputs=pad.inputs, config=config)


def _zeros_around(pad: Side) -> list[tuple[int, int]] | None:
    """How many before and behind on each axis of space; None where it does something else."""
    if (
        pad.kind not in ("other", "padding")
        or len(pad.inputs) != 1
        or pad.output is None
        or pad.output.ndim < 3
    ):
        return None
    x, y = pad.inputs[0], pad.output
    more = [b - a for a, b in zip(x.shape, y.shape, strict=False)]
    if x.ndim != y.ndim or min(more) < 0 or more[0] or more[-1] or not any(more):
        return None
    filled = [
        np.flatnonzero(np.any(y != 0, axis=tuple(a for a in range(y.ndim) if a != axis)))
        for axis in range(1, y.ndim - 1)
    ]
    own = [
        np.flatnonzero(np.any(x != 0, axis=tuple(a for a in range(x.ndim) if a != axis)))
        for axis in range(1, x.ndim - 1)
    ]
    if not all(rows.size for rows in (*filled, *own)):
        return None
    before = [int(rows[0] - its[0]) for rows, its in zip(filled, own, strict=True)]
    widths = [(b, m - b) for b, m in zip(before, more[1:-1], strict=True)]
    right = all(0 <= b <= b + a for b, a in widths) and np.array_equal(
        np.pad(x, [(0, 0), *widths, (0, 0)]), y
    )
    return widths if right else None
