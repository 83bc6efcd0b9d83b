"""The numbers of a layer, as they were in one call of it.

Trap: `padding="same"` with a stride of 2 pads 0 before and 1 after; a frozen batch normalization
uses its running statistics in training too; `max_value` and `threshold` make another function of a
`ReLU`. A slope, and the scale of an attention, are rounded to float32 on the way to TensorFlow,
whatever the layer computes in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

from .functions import arguments, described, name_of, rectifier, single
from .kinds import cell_of, einsum_shape

L = keras.layers


class Call:
    """One call of a layer: the layer, its inputs and arguments, and its output.

    Attributes:
        layer: The layer.
        kwargs: What it was called with, by name.
        input: The shape of its first input.
        output: The shape of its output.
    """

    def __init__(self, layer: Any, kwargs: Mapping[str, Any], inputs: list[Any], output: Any):
        self.layer = layer
        self.kwargs = kwargs
        self.input = tuple(inputs[0].shape) if inputs else ()
        self.output = tuple(output.shape)


def config_of(kind: str, call: Call) -> dict[str, Any]:
    """The configuration of a layer of a kind; empty where the kind has no numbers."""
    return CONFIGS[kind](call) if kind in CONFIGS else {}


def of_layer(kind: str, layer: Any) -> dict[str, Any]:
    """What is known of a layer that was not called."""
    return CONFIGS[kind](Call(layer, {}, [], _Nothing)) if kind in UNCALLED else {}


class _Nothing:
    shape = ()


def _affine(call: Call) -> dict[str, Any]:
    layer = call.layer
    if isinstance(layer, L.EinsumDense):
        taken, given = einsum_shape(layer) or (1, 1)
        return {"bias": layer.bias_axes is not None, "axes_in": taken, "axes_out": given}
    dense = layer.layer if isinstance(layer, L.TimeDistributed) else layer
    return {"bias": dense.use_bias}


def _convolution(call: Call) -> dict[str, Any]:
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


def _pooling(call: Call) -> dict[str, Any]:
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


def _global_pooling(call: Call) -> dict[str, Any]:
    return {"which": _which(call.layer)}


def _batch_norm(call: Call) -> dict[str, Any]:
    layer = call.layer
    batch = bool(call.kwargs.get("training")) and layer.trainable
    return {"epsilon": layer.epsilon, "momentum": layer.momentum, "batch": batch, "unbiased": False}


def _layer_norm(call: Call) -> dict[str, Any]:
    axis = call.layer.axis
    return {"epsilon": call.layer.epsilon, "axes": 1 if isinstance(axis, int) else len(axis)}


def _group_norm(call: Call) -> dict[str, Any]:
    return {"epsilon": call.layer.epsilon, "groups": call.layer.groups}


def _rms_norm(call: Call) -> dict[str, Any]:
    return {"epsilon": call.layer.epsilon}


def _activation(call: Call) -> dict[str, Any]:
    layer = call.layer
    match layer:
        case L.Activation():
            return described(name_of(layer.activation), arguments(layer.activation, (None,), {}))[1]
        case L.ReLU():
            return rectifier(float(layer.negative_slope), layer.max_value, float(layer.threshold))[
                1
            ]
        case L.LeakyReLU():
            return {"name": "leaky_relu", "slope": single(layer.negative_slope)}
        case L.PReLU():
            return {"name": "prelu"}
        case L.ELU():
            return {"name": "elu", "alpha": float(layer.alpha)}
        case L.Softmax():
            return {"name": "softmax", "axis": layer.axis}
        case _:
            return {}


def _recurrent(call: Call) -> dict[str, Any]:
    layer = call.layer
    if isinstance(layer, L.Bidirectional):
        return {
            "bidirectional": True,
            "merge": layer.merge_mode,
            "last": not layer.return_sequences,
        }
    cell = getattr(layer, "cell", layer)
    config = {"cell": cell_of(layer), "backwards": bool(getattr(layer, "go_backwards", False))}
    config["last"] = not getattr(layer, "return_sequences", True)
    if cell_of(layer) is not None:
        config["activation"] = name_of(cell.activation)
    if hasattr(cell, "recurrent_activation"):
        config["gate_activation"] = name_of(cell.recurrent_activation)
    if hasattr(cell, "reset_after"):
        config["reset_after"] = bool(cell.reset_after)
    return config


def _attention(call: Call) -> dict[str, Any]:
    layer = call.layer
    causal = bool(call.kwargs.get("use_causal_mask", False))
    masked = call.kwargs.get("attention_mask") is not None
    return {
        "heads": layer.num_heads,
        "scale": single(layer.key_dim**-0.5),
        "causal": causal,
        "masked": masked,
    }


def _concatenate(call: Call) -> dict[str, Any]:
    return {"axis": call.layer.axis}


def _transpose(call: Call) -> dict[str, Any]:
    return {"axes": [0, *call.layer.dims]}


CONFIGS: dict[str, Callable[[Call], dict[str, Any]]] = {
    "affine": _affine,
    "convolution": _convolution,
    "pooling": _pooling,
    "global_pooling": _global_pooling,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "rms_norm": _rms_norm,
    "activation": _activation,
    "recurrent": _recurrent,
    "attention": _attention,
    "concatenate": _concatenate,
    "transpose": _transpose,
}

UNCALLED = (
    "affine",
    "batch_norm",
    "layer_norm",
    "group_norm",
    "rms_norm",
    "activation",
    "recurrent",
    "attention",
)
