"""A normalization in words, as each framework writes it, and what it divides."""

from __future__ import annotations

import numpy as np

from experiments.causes._case import Case, Side
from experiments.causes._change import cure
from experiments.causes._definition.errors import Undefined
from experiments.causes._definition.normalization import grouped, last_axes, moments, statistics_of

KINDS = {
    "batch_norm": "batch norm",
    "layer_norm": "layer norm",
    "group_norm": "group norm",
    "rms_norm": "rms norm",
}
TORCH = {
    "batch_norm": "BatchNorm",
    "layer_norm": "LayerNorm",
    "group_norm": "GroupNorm",
    "rms_norm": "RMSNorm",
}
KERAS = {
    "batch_norm": "BatchNormalization",
    "layer_norm": "LayerNormalization",
    "group_norm": "GroupNormalization",
    "rms_norm": "RMSNormalization",
}
FLAX = {
    "batch_norm": "BatchNorm",
    "layer_norm": "LayerNorm",
    "group_norm": "GroupNorm",
    "rms_norm": "RMSNorm",
}


def line_of(case: Case, torch: str = "", keras: str = "", flax: str = "", kind: str = "") -> str:
    """The port's layer with these arguments."""
    kind = kind or case.reference.kind
    space = (
        {2: "1d", 3: "1d", 4: "2d"}.get(case.reference.inputs[0].ndim, "3d")
        if kind == "batch_norm"
        else ""
    )
    return cure(
        case,
        f"torch.nn.{TORCH[kind]}{space}(..., {torch})",
        f"keras.layers.{KERAS[kind]}({keras})",
        f"flax.linen.{FLAX[kind]}({flax})",
        f"flax.nnx.{FLAX[kind]}(..., {flax})",
    ).replace(", )", ")")


def centred_of(side: Side) -> tuple[np.ndarray, np.ndarray]:
    """What is divided by the root, and the variance below it, both of the shape of the input."""
    x = side.inputs[0]
    match side.kind:
        case "batch_norm":
            mean, variance = statistics_of(side.config, side.statistics, x)
        case "layer_norm":
            mean, variance = moments(x, last_axes(side.config, side.parameters))
        case "group_norm":
            groups = grouped(side.config, x)
            mean, variance = (
                np.broadcast_to(each, groups.shape).reshape(x.shape)
                for each in moments(groups, (1, 3))
            )
        case "rms_norm":
            mean = np.zeros(())
            variance = np.mean(np.square(x), last_axes(side.config, side.parameters), keepdims=True)
        case kind:
            raise Undefined(f"{kind} is no normalization")
    return x - mean, np.broadcast_to(variance, x.shape)
