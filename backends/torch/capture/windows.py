"""The numbers of convolution and pooling, from modules and functions alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Described = tuple[str, dict[str, Any]]
Number = int | Sequence[int]


def per_axis(value: Number, axes: int) -> list[int]:
    """One number for each axis."""
    if isinstance(value, int):
        return [value] * axes
    numbers = [int(one) for one in value]
    return numbers * axes if len(numbers) == 1 else numbers


def convolution(
    size: Sequence[int],
    stride: Number,
    padding: Number | str,
    dilation: Number,
    groups: int,
    mode: str,
) -> Described:
    """`padding` resolved: PyTorch's "same" has the larger half after, and takes no stride."""
    axes = len(size)
    steps = per_axis(dilation, axes)
    if padding == "same":
        totals = [step * (k - 1) for step, k in zip(steps, size, strict=True)]
        around = [[total // 2, total - total // 2] for total in totals]
    elif padding == "valid":
        around = [[0, 0]] * axes
    else:
        assert not isinstance(padding, str)
        around = [[one, one] for one in per_axis(padding, axes)]
    return "convolution", {
        "stride": per_axis(stride, axes),
        "padding": around,
        "dilation": steps,
        "groups": groups,
        "transposed": False,
        "mode": mode,
    }


def transposed(
    size: Sequence[int],
    stride: Number,
    padding: Number,
    dilation: Number,
    groups: int,
    sizes: tuple[Sequence[int], Sequence[int]] | None,
    more: Number,
) -> Described:
    """y[stride i + dilation k - before] += x[i] w[k]; then `padding` is cut off before and after.

    Args:
        size: Of the kernel.
        stride: Of the output.
        padding: As PyTorch has it, on both sides.
        dilation: Of the kernel.
        groups: Of the channels.
        sizes: Of the input's and the output's space; None where there is no call.
        more: PyTorch's output_padding: what is cut off less behind, if there is no call.
    """
    axes = len(size)
    strides, steps, before, less = (
        per_axis(one, axes) for one in (stride, dilation, padding, more)
    )
    after = [b - one for b, one in zip(before, less, strict=True)]
    if sizes is not None:
        whole = [
            (n - 1) * s + d * (k - 1) + 1
            for n, s, d, k in zip(sizes[0], strides, steps, size, strict=True)
        ]
        after = [w - n - b for w, n, b in zip(whole, sizes[1], before, strict=True)]
    return "convolution", {
        "stride": strides,
        "padding": [list(pair) for pair in zip(before, after, strict=True)],
        "dilation": steps,
        "groups": groups,
        "transposed": True,
        "mode": "zeros",
    }


def pooling(
    which: str,
    axes: int,
    size: Number,
    stride: Number | None,
    padding: Number,
    ceil: bool,
    counted: bool | None,
) -> Described:
    """`counted` is None for the maximum, where padding counts for nothing."""
    sizes = per_axis(size, axes)
    config = {
        "which": which,
        "size": sizes,
        "stride": per_axis(stride, axes) if stride not in (None, (), []) else sizes,
        "padding": [[one, one] for one in per_axis(padding, axes)],
        "ceil": bool(ceil),
    }
    return "pooling", config if counted is None else config | {"counted": bool(counted)}


def adaptive(which: str, before: Sequence[int], after: Sequence[int]) -> Described:
    """Adaptive pooling from one space to another: global, or in equal windows; else it is none."""
    if all(n == 1 for n in after):
        return "global_pooling", {"which": which}
    if any(n % m for n, m in zip(before, after, strict=True)):
        return "other", {"output_size": list(after)}
    size = [n // m for n, m in zip(before, after, strict=True)]
    return pooling(which, len(size), size, None, 0, False, True if which == "average" else None)
