"""What each kind of isograd/kinds.py computes, in NumPy: forward only, channels last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.causes._definition.activation import activation, needed, number
from experiments.causes._definition.errors import Undefined
from experiments.causes._definition.normalization import (
    batch_norm,
    group_norm,
    layer_norm,
    rms_norm,
)
from experiments.causes._definition.sequences import attention, recurrent
from experiments.causes._definition.windows import convolution, pooling

__all__ = ["Undefined", "forward"]

Config = Mapping[str, Any]
Arrays = Mapping[str, np.ndarray]


def forward(
    kind: str, config: Config, parameters: Arrays, statistics: Arrays, inputs: Sequence[np.ndarray]
) -> np.ndarray:
    """What a place computes.

    Args:
        kind: One of `isograd.kinds.KINDS`.
        config: Its numbers, by the names of its kind. Beyond these, of a flattening
            `channels_first`: the order of the elements; of attention `over`: the axis of the
            softmax; of an embedding `factor`, and `padding`: the entry that stands for nothing.
        parameters: In the canonical layout.
        statistics: Likewise.
        inputs: [batch, *space, channel].

    Returns:
        The output in the canonical layout.

    Raises:
        Undefined: What it computes is not known, or the inputs do not fit.
    """
    if not inputs:
        raise Undefined(f"{kind} without inputs")
    try:
        return _forward(kind, config, parameters, statistics, inputs)
    except Undefined:
        raise
    # shapes or numbers that do not fit are no fault here
    except (ValueError, IndexError, TypeError) as why:
        raise Undefined(f"{kind}: {why}") from None


def _forward(
    kind: str, config: Config, parameters: Arrays, statistics: Arrays, inputs: Sequence[np.ndarray]
) -> np.ndarray:
    x = inputs[0]
    match kind:
        case "affine":
            y = x @ needed(parameters, "weight")
            return y + parameters["bias"] if "bias" in parameters else y
        case "convolution":
            return convolution(config, parameters, x)
        case "batch_norm":
            return batch_norm(config, parameters, statistics, x)
        case "layer_norm":
            return layer_norm(config, parameters, x)
        case "group_norm":
            return group_norm(config, parameters, x)
        case "rms_norm":
            return rms_norm(config, parameters, x)
        case "activation":
            return activation(config, parameters, x)
        case "pooling":
            return pooling(config, x)
        case "global_pooling":
            return _over_space(x, config)
        case "embedding":
            return _embedding(config, needed(parameters, "weight"), x)
        case "recurrent":
            return recurrent(config, parameters, x)
        case "attention":
            return attention(config, parameters, tuple(inputs))
        case _:
            return _without_parameters(kind, config, inputs)


def _without_parameters(kind: str, config: Config, inputs: Sequence[np.ndarray]) -> np.ndarray:
    x = inputs[0]
    match kind:
        case "dropout":
            if config.get("active") and config.get("rate"):
                raise Undefined("a dropout that is active: it draws")
            return x
        case "add":
            return sum(inputs[1:], start=x)
        case "multiply":
            return np.prod(np.broadcast_arrays(*inputs), axis=0)
        case "concatenate":
            return np.concatenate(inputs, config.get("axis", -1))
        case "flatten":
            return flattened(x, bool(config.get("channels_first")))
        case "transpose":
            return x.transpose(number(config, "axes"))
        case "mean":
            return x.mean(tuple(np.atleast_1d(number(config, "axes"))))
        case "matmul":
            return inputs[0] @ inputs[1]
        case _:
            raise Undefined(f"what {kind} computes")


def _over_space(x: np.ndarray, config: Config) -> np.ndarray:
    axes = tuple(range(1, x.ndim - 1))
    return x.max(axes) if number(config, "which") == "max" else x.mean(axes)


def _embedding(config: Config, weight: np.ndarray, x: np.ndarray) -> np.ndarray:
    entries = x.astype(int)
    if np.any(entries != x) or entries.min() < 0:
        raise Undefined("entries that are not whole numbers from 0 on")
    nothing = entries == config.get("padding")
    return np.where(nothing[..., None], 0.0, weight[entries]) * config.get("factor", 1.0)


def flattened(x: np.ndarray, channels_first: bool) -> np.ndarray:
    """Each sample's elements in a row, channel by channel or position by position."""
    ordered = np.moveaxis(x, -1, 1) if channels_first else x
    return ordered.reshape(len(x), -1)
