"""A step of the user's optimiser: what it is taken with, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from . import layers, norms
from .tensors import to_numpy


def taken(
    model: nn.Module,
    owners: list[layers.Owner],
    optimizer: torch.optim.Optimizer,
    clip: Callable[[nn.Module], Any] | None,
    values: bool,
) -> dict[str, Any]:
    """What a `Step` says of the layers, after the optimiser has moved them.

    Args:
        model: With the gradients of the pass before.
        owners: Its layers.
        optimizer: Takes the step.
        clip: Is called before it.
        values: Whether arrays are kept.
    """
    before = layers.each(layers.parameters(owners), torch.clone)
    gradients = layers.each(
        layers.gradients(owners), lambda one: None if one is None else one.clone()
    )
    if clip is not None:
        clip(model)
    optimizer.step()
    after = layers.parameters(owners)
    moved = layers.statistics(owners)
    return {
        "gradients": layers.each(gradients, lambda one: None if one is None else to_numpy(one))
        if values
        else {},
        "parameters": layers.each(after, to_numpy) if values else {},
        "statistics": layers.each(moved, to_numpy) if values else {},
        "norms": _norms(before, after, gradients),
    }


def _norms(
    before: layers.Tensors, after: layers.Tensors, gradients: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Root mean squares; of a parameter that no gradient reaches, that of its gradient is 0."""
    return {
        path: {
            name: {
                "gradient": 0.0
                if gradients[path][name] is None
                else norms.rms(gradients[path][name]),
                "update": norms.rms(after[path][name] - old),
                "weight": norms.rms(old),
            }
            for name, old in ones.items()
        }
        for path, ones in before.items()
    }
