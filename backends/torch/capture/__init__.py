"""Any PyTorch model, seen while it runs.

Values, gradients, layers in canonical form, steps of its optimiser.

It runs in the user's own interpreter: besides the standard library and NumPy it needs PyTorch only.
What it hands out is stated in isograd/captured.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from .precisions import dtype_of
from .subject import Loss, Subject

__all__ = ["NAME", "Subject", "prepare", "subject"]

NAME = "torch"


def prepare(precision: str | None) -> None:
    """What has to be set before the user's file is imported: the precision of new tensors.

    None leaves all as it is.

    Raises:
        ValueError: There is no such precision.
    """
    dtype = dtype_of(precision)
    if dtype is not None:
        torch.set_default_dtype(dtype)


def subject(
    model: nn.Module,
    x: Any,
    y: Any = None,
    *,
    loss: Loss | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    clip: Callable[[nn.Module], Any] | None = None,
    training: bool = True,
    precision: str | None = None,
    seed: int = 0,
) -> Subject:
    """A model with a batch.

    Args:
        model: The live model.
        x: An array or tensor; a tuple or a dictionary of them where the model takes several.
        y: The targets, or None.
        loss: Of the model's output and y, one number; None is cross-entropy of logits for classes,
            the mean squared error for real numbers, the mean of the output's squares where y is
            None.
        optimizer: Made for this model; without it no steps are taken.
        clip: Of the model, called between the backward pass and the step.
        training: The mode. A model that is in it already keeps the flags of its parts.
        precision: `float64` casts the model, for good; None is the model's own.
        seed: Of all random numbers that it draws.

    Raises:
        ValueError: It is no model, or there is no such precision.
    """
    options: dict[str, Any] = {"loss": loss, "optimizer": optimizer, "clip": clip}
    return Subject(model, x, y, **options, training=training, precision=precision, seed=seed)
