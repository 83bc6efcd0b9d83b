"""The loss where none is given: by what the targets are."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from .tensors import found


def said(y: torch.Tensor | None) -> str:
    """What `default` computes for such targets, in words."""
    if y is None:
        return "mean of the squares of the output"
    if y.is_floating_point():
        return "mean squared error"
    return "cross-entropy of the output as logits"


def default(output: Any, y: torch.Tensor | None) -> torch.Tensor:
    """Of the first tensor of real numbers in the output.

    Raises:
        ValueError: There is none, or the targets do not fit it.
    """
    real = [one for one in found(output) if one.is_floating_point()]
    if not real:
        raise ValueError(
            f"the loss needs an output of real numbers; received {type(output).__name__}; give a "
            "loss"
        )
    first = real[0]
    if y is None:
        return first.square().mean()
    if y.is_floating_point():
        return _squares(first, y)
    return _cross_entropy(first, y)


def _squares(output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """[batch, 1] and [batch] are the same: subtracting them as such would give [batch, batch]."""
    if output.squeeze().shape != y.squeeze().shape:
        raise ValueError(
            f"targets must have the output's shape, {list(output.shape)}; received "
            f"{list(y.shape)}; give a loss"
        )
    return functional.mse_loss(output, y.view_as(output))


def _cross_entropy(output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The classes are the second axis, as PyTorch has it, or the last one."""
    y = y.long()
    if output.ndim > 1 and (output.shape[0], *output.shape[2:]) == tuple(y.shape):
        return functional.cross_entropy(output, y)
    if output.shape[:-1] == y.shape:
        return functional.cross_entropy(output.flatten(0, -2), y.flatten())
    raise ValueError(
        f"classes must be [batch] for an output [batch, class]; received {list(y.shape)} for "
        f"{list(output.shape)}; give a loss"
    )
