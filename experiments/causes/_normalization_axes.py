"""A normalization over other axes than the reference's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from experiments.causes._case import Case, Side
from experiments.causes._change import alternative, configured, value
from experiments.causes._definition.normalization import last_axes
from experiments.causes._hypothesis import Hypothesis, Numbers
from experiments.causes._norms import KINDS, line_of


def axes(case: Case) -> Iterator[Hypothesis]:
    """Run over other axes than the reference's.

    The channel is taken to be elsewhere, or fewer or more axes are normalized.
    """
    side = case.reference
    x = side.inputs[0]
    for axis in range(1, x.ndim - 1):
        said = (
            f"Axis of {KINDS[side.kind]}: the channels, the last, in the reference, axis {axis} "
            "(channels last) in the port."
        )
        line = line_of(case, "", "axis=-1", "axis=-1" if side.kind == "batch_norm" else "")
        line = (
            f"{line}(x.movedim(-1, 1))"
            if case.port.dialect == "torch" and side.kind == "batch_norm"
            else line
        )
        yield Hypothesis("axis", said, line, _moved(side, axis), value(side))
    if side.kind in ("layer_norm", "rms_norm"):
        yield from _more_axes(case)


def _moved(side: Side, axis: int) -> Numbers:
    moved = replace(side, inputs=(np.moveaxis(side.inputs[0], axis, -1),))
    return lambda: np.moveaxis(value(moved)(), -1, axis)


def _more_axes(case: Case) -> Iterator[Hypothesis]:
    side = case.reference
    mine = len(last_axes(side.config, side.parameters))
    for count in range(1, side.inputs[0].ndim):
        if count != mine:
            said = (
                f"Axes of {KINDS[side.kind]}: the last {mine} in the reference, the last {count} "
                "in the port."
            )
            axes = tuple(range(-mine, 0))
            line = line_of(case, "", f"axis={list(axes)}", f"reduction_axes={axes}")
            yield alternative(case, "axes", said, line, configured(side, axes=count))
