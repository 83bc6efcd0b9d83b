"""Convolution and pooling: the numbers of Keras' layers, and what their padding comes to."""

from __future__ import annotations

from typing import Any

from .called import Call


def convolution(call: Call) -> dict[str, Any]:
    """The numbers of a convolution."""
    layer = call.layer
    transposed = hasattr(layer, "output_padding")
    config = {
        "bias": layer.use_bias,
        "size": list(layer.kernel_size),
        "stride": _each(layer.strides, layer.rank),
        "dilation": _each(layer.dilation_rate, layer.rank),
        "groups": _groups(layer),
        "transposed": transposed,
        "mode": "zeros",
    }
    size = [
        (kernel - 1) * dilation + 1
        for kernel, dilation in zip(config["size"], config["dilation"], strict=True)
    ]
    spaces = zip(
        _space(layer, call.input), _space(layer, call.output), size, config["stride"], strict=True
    )
    pads = _cropped if transposed else _padded
    config["padding"] = [pads(layer.padding, *space) for space in spaces] or layer.padding
    return config


def _groups(layer: Any) -> int:
    depthwise = hasattr(layer, "depth_multiplier")
    return (
        int(layer.kernel.shape[-2])
        if depthwise and layer.built
        else int(getattr(layer, "groups", 1))
    )


def pooling(call: Call) -> dict[str, Any]:
    """The numbers of a pooling over windows."""
    layer = call.layer
    rank = len(call.input) - 2
    size = _each(layer.pool_size, rank)
    stride = _each(layer.strides, rank)
    spaces = zip(_space(layer, call.input), _space(layer, call.output), size, stride, strict=True)
    padding = [_padded(layer.padding, *space) for space in spaces]
    return {
        "which": _which(layer),
        "size": size,
        "stride": stride,
        "padding": padding,
        "counted": False,
        "ceil": False,
    }


def _padded(padding: str, given: int, made: int, size: int, stride: int) -> list[int]:
    """What TensorFlow puts before and after an axis of a known length."""
    if padding == "valid":
        return [0, 0]
    if padding == "causal":
        return [size - 1, 0]
    total = max((made - 1) * stride + size - given, 0)
    return [total // 2, total - total // 2]


def _cropped(padding: str, given: int, made: int, size: int, stride: int) -> list[int]:
    """What a transposed convolution takes off before and after, of (given - 1) stride + size.

    Less than 0 where it adds.
    """
    before = max(size - stride, 0) // 2 if padding == "same" else 0
    return [before, (given - 1) * stride + size - made - before]


def _space(layer: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[2:] if layer.data_format == "channels_first" else shape[1:-1]


def _each(value: Any, rank: int) -> list[int]:
    return [value] * rank if isinstance(value, int) else list(value)


def _which(layer: Any) -> str:
    return (
        "max"
        if "Max"
        in next(base.__name__ for base in type(layer).__mro__ if "Pooling" in base.__name__)
        else "average"
    )


def global_pooling(call: Call) -> dict[str, Any]:
    """The numbers of a pooling over all of the space."""
    return {"which": _which(call.layer)}
