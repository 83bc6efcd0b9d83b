"""Convolution and pooling: their numbers, and the padding that they come to for this input size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax import lax

from .forms import Form, mirrored, plain, swapped

Pads = list[list[int]]


def convolution_numbers(module: Any, shape: Sequence[int], transposed: bool) -> dict[str, Any]:
    """The numbers of a convolution of an input [batch.., *space, channel]."""
    size = _every(module.kernel_size, 0)
    dilation = _every(module.kernel_dilation, len(size))
    stride = _every(module.strides, len(size))
    extent = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    space = shape[-1 - len(size) : -1]
    mode, padding = _resolved(module.padding, space, extent, stride, transposed)
    numbers = {
        "stride": list(stride),
        "padding": padding,
        "dilation": list(dilation),
        "groups": int(getattr(module, "feature_group_count", 1)),
        "transposed": transposed,
        "mode": mode,
    }
    inner = _every(getattr(module, "input_dilation", 1), len(size))
    return numbers if set(inner) == {1} else numbers | {"input_dilation": list(inner)}


def convolution_form(module: Any, name: str, transposed: bool) -> Form:
    """Its parameters: a transposed one's kernel is that of the convolution whose gradient it is.

    Trap: `lax.conv_transpose` slides the kernel over the input as it is; torch and Keras turn it
    round. With `transpose_kernel=True` Flax does as they do, and has the channels as [out, in].
    """
    size = _every(module.kernel_size, 0)
    weight = plain(f"{name}kernel", len(size) + 2)
    if transposed and module.transpose_kernel:
        weight = swapped(f"{name}kernel", len(size) + 2)
    elif transposed:
        weight = mirrored(f"{name}kernel", len(size))
    return Form({"weight": weight, "bias": plain(f"{name}bias", 1)})


def pooling_numbers(given: dict[str, Any], which: str) -> dict[str, Any]:
    """The numbers of `max_pool`, `min_pool` or `avg_pool`."""
    size = tuple(given["window_shape"])
    stride = given.get("strides") or (1,) * len(size)
    space = given["inputs"].shape[-1 - len(size) : -1]
    _, padding = _resolved(given.get("padding", "VALID"), space, size, stride, transposed=False)
    numbers = {
        "which": which,
        "size": list(size),
        "stride": list(stride),
        "padding": padding,
        "ceil": False,
    }
    return (
        numbers | {"counted": bool(given.get("count_include_pad", True))}
        if which == "average"
        else numbers
    )


def _resolved(
    padding: Any, space: Any, extent: Any, stride: Any, transposed: bool
) -> tuple[str, Pads]:
    name = padding.upper() if isinstance(padding, str) else ""
    if transposed:
        return ("circular" if name == "CIRCULAR" else "zeros"), _cropped(
            name, padding, extent, stride
        )
    if name in ("CIRCULAR", "REFLECT"):
        return name.lower(), [[(k - 1) // 2, k // 2] for k in extent]
    if name == "CAUSAL":
        return "zeros", [[k - 1, 0] for k in extent]
    if name:
        return "zeros", [list(pair) for pair in lax.padtype_to_pads(space, extent, stride, name)]
    return "zeros", _pairs(padding, len(extent))


def _cropped(name: str, padding: Any, extent: Sequence[int], stride: Sequence[int]) -> Pads:
    """How much of the full output, (n - 1) * stride + extent, is left out.

    It is the padding of the convolution it turns round.
    """
    if not name:
        return [
            [k - 1 - low, k - 1 - high]
            for k, (low, high) in zip(extent, _pairs(padding, len(extent)), strict=True)
        ]
    return [_cropped_by_name(name, k, s) for k, s in zip(extent, stride, strict=True)]


def _cropped_by_name(name: str, extent: int, stride: int) -> list[int]:
    if name != "SAME":  # VALID, and CIRCULAR, which wraps what VALID gives
        return [0, min(extent - stride, 0)]
    low = extent - 1 if stride > extent - 1 else -(-(extent + stride - 2) // 2)
    high = extent + stride - 2 - low
    return [extent - 1 - low, extent - 1 - high]


def _pairs(padding: Any, axes: int) -> Pads:
    each = (padding,) * axes if isinstance(padding, int) else padding
    return [[pad, pad] if isinstance(pad, int) else [int(pad[0]), int(pad[1])] for pad in each]


def _every(numbers: Any, axes: int) -> tuple[int, ...]:
    """A number an axis, where one number or None (1) may stand for all."""
    if numbers is None or isinstance(numbers, int):
        return (1 if numbers is None else numbers,) * max(axes, 1)
    return tuple(int(number) for number in numbers)
