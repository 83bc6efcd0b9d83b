"""The numbers of a layer, as they were in one call of it.

Trap: `padding="same"` with a stride of 2 pads 0 before and 1 after; a frozen batch normalization
uses its running statistics in training too; `max_value` and `threshold` make another function of a
`ReLU`. A slope, and the scale of an attention, are rounded to float32 on the way to TensorFlow,
whatever the layer computes in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from .called import Call
from .functions import arguments, described, name_of, rectifier, single
from .kinds import cell_of, einsum_shape
from .windows import convolution, global_pooling, pooling

L = keras.layers


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
            raise TypeError(f"{type(layer).__name__} is none of the activations of KINDS")


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
    "convolution": convolution,
    "pooling": pooling,
    "global_pooling": global_pooling,
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
