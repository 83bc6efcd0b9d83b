"""Affine map: its weight, transposed or another's, and its bias; the bias of a convolution too."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.causes._case import Case, Stage
from experiments.causes._change import alternative, cure, having, kernel_line, without
from experiments.causes._hypothesis import Hypothesis, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None
LAYERS = {
    "affine": ("Linear", "Dense", "Dense", "Linear"),
    "convolution": ("Conv2d", "Conv2D", "Conv", "Conv"),
}


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    side = case.reference
    if side.kind not in LAYERS or not side.inputs or side.output is None or not varied(side.output):
        return
    yield from _bias(case)
    if side.kind == "affine":
        yield from _weight(case)


def _bias(case: Case) -> Iterator[Hypothesis]:
    side = case.reference
    names = LAYERS[side.kind]
    bias = side.parameters.get("bias")
    if bias is None:
        return
    line = cure(
        case,
        f"torch.nn.{names[0]}(..., bias=True)",
        f"keras.layers.{names[1]}(..., use_bias=True)",
        f"flax.linen.{names[2]}(..., use_bias=True)",
        f"flax.nnx.{names[3]}(..., use_bias=True)",
    )
    yield alternative(
        case,
        "bias",
        f"Bias of {side.path}: there in the reference, missing in the port.",
        line,
        without(side, "bias"),
    )
    said = f"Bias of {side.path}: added once in the reference, twice in the port."
    yield alternative(case, "bias_twice", said, line, having(side, bias=2 * bias))
    said = f"Bias of {side.path}: added in the reference, subtracted in the port."
    yield alternative(case, "bias_sign", said, line, having(side, bias=-bias), rank=1)


def _weight(case: Case) -> Iterator[Hypothesis]:
    side = case.reference
    weight = side.parameters.get("weight")
    if weight is None or weight.shape[0] != weight.shape[1]:
        return
    line = kernel_line(case)
    said = f"Weight of {side.path}: [in, out] in the reference, transposed in the port."
    yield alternative(case, "transposed", said, line, having(side, weight=weight.T))
    said = f"Inputs of {side.path}: in their order in the reference, backwards in the port."
    yield alternative(case, "reversed", said, line, having(side, weight=np.flip(weight, 0)), rank=1)
