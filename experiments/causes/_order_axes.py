"""Axes and channels in another order, and inputs that are exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np

from experiments.causes._case import Case
from experiments.causes._change import close, cure, value
from experiments.causes._definition import Undefined
from experiments.causes._formula import UNARY, short
from experiments.causes._hypothesis import Hypothesis


def exchanged(case: Case) -> Iterator[Hypothesis]:
    """The last layer of the stretch comes behind the next in the port: it is not missing."""
    if not (case.between_reference and case.after_reference):
        return
    layer = case.between_reference[-1]
    follower = case.after_reference[0]
    if (
        layer.kind not in UNARY
        or follower.kind not in UNARY
        or len(layer.inputs) != 1
        or len(follower.inputs) != 1
    ):
        return
    x = layer.inputs[0]
    with suppress(Undefined):
        first = value(replace(follower, inputs=(x,)))()
        second = value(replace(layer, inputs=(first,)))()
        values = [end.output for end in case.after_port if end.output is not None]
        if all(any(close(each, found, 1e-9) for found in values) for each in (first, second)):
            said = (
                f"Order of layers: {layer.path}, then {follower.path} in the reference, the other "
                "way round in the port."
            )
            line = f"h = {short(follower.path)}({short(layer.path)}(x))"
            yield Hypothesis("layers", said, line, lambda: x, value(layer), rank=-1)


def axes_in_front(case: Case, mine: np.ndarray, its: np.ndarray) -> Iterator[Hypothesis]:
    """The reference's numbers along swapped or mirrored axes, or with channels in another order."""
    where = case.reference.path or case.reference.kind
    for a in range(mine.ndim):
        for b in range(a + 1, mine.ndim):
            if mine.shape[a] == mine.shape[b] and mine.shape[a] > 1:
                said = (
                    f"Axes of {where}: in their order in the reference, {a} and {b} swapped in the "
                    "port (channels last)."
                )
                line = cure(
                    case,
                    f"x.transpose({a}, {b})",
                    f"keras.ops.swapaxes(x, {a}, {b})",
                    f"jax.numpy.swapaxes(x, {a}, {b})",
                )
                yield Hypothesis("axes", said, line, lambda a=a, b=b: mine.swapaxes(a, b), rank=1)
    for axis in range(mine.ndim):
        said = (
            f"Axis {axis} of {where} (channels last): in its order in the reference, backwards in "
            "the port."
        )
        line = cure(
            case,
            f"torch.flip(x, ({axis},))",
            f"keras.ops.flip(x, axis={axis})",
            f"jax.numpy.flip(x, axis={axis})",
        )
        yield Hypothesis("reversed", said, line, lambda axis=axis: np.flip(mine, axis), rank=1)
    yield from _channels(case, mine, its, where)


def _channels(case: Case, mine: np.ndarray, its: np.ndarray, where: str) -> Iterator[Hypothesis]:
    """Each channel of the port is one of the reference's."""
    rows, others = (x.reshape(-1, x.shape[-1]).T for x in (mine, its))
    if not 1 < len(rows) <= 512 or len(rows[0]) < 4:
        return
    distance = np.max(np.abs(others[:, None, :64] - rows[None, :, :64]), axis=-1)
    order = np.argmin(distance, axis=1)
    if sorted(order) == list(range(len(rows))) and close(mine[..., order], its):
        said = (
            f"Channels of {where}: in their order in the reference, as {_shown(order)} in the port."
        )
        yield Hypothesis("channels", said, "y = y[..., order]", lambda: mine[..., order], rank=2)


def _shown(order: np.ndarray) -> str:
    return ", ".join(map(str, order[:6])) + (", ..." if len(order) > 6 else "")
