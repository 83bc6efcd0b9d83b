"""A step of the user's optimiser, on the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .layers import Owner
from .program import Step, to_numpy


def step_of(
    owners: list[Owner],
    layers: Mapping[str, Any],
    step: Step,
    before: Mapping[str, Any],
    values: bool,
) -> dict[str, Any]:
    """A `Step`.

    Args:
        owners: The modules that own arrays.
        layers: As they are after the step, with the gradients before it.
        step: What the program gave.
        before: The parameters before the step.
        values: Whether arrays are kept.
    """
    updates = {name: to_numpy(value) for name, value in step.updates.items()}
    weights = {name: to_numpy(value) for name, value in before.items()}
    norms = {owner.path: _norms(owner, layers[owner.path], updates, weights) for owner in owners}
    return {
        "loss": step.loss,
        "gradients": {path: layer["gradients"] for path, layer in layers.items()} if values else {},
        "parameters": {path: layer["parameters"] for path, layer in layers.items()}
        if values
        else {},
        "statistics": {path: layer["statistics"] for path, layer in layers.items()}
        if values
        else {},
        "norms": norms,
        "places": step.norms,
    }


def _norms(
    owner: Owner, layer: Mapping[str, Any], updates: Any, weights: Any
) -> dict[str, dict[str, float]]:
    return {
        name: {
            "gradient": rms(layer["gradients"].get(name)),
            "update": rms(piece.canonical(updates)),
            "weight": rms(piece.canonical(weights)),
        }
        for name, piece in owner.form.parameters.items()
    }


def rms(values: np.ndarray | None) -> float:
    """The root mean square, scale-safe; 0 of nothing."""
    if values is None or not values.size:
        return 0.0
    largest = float(np.max(np.abs(values)))
    if not np.isfinite(largest) or largest == 0:
        return largest
    return largest * float(np.sqrt(np.mean(np.square(values.astype(np.float64) / largest))))
