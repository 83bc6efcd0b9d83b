"""What is handed out: passes as the dictionaries that every wing gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .arrays import array
from .config import of_layer
from .owners import Entry
from .passes import Pass
from .taps import Tap


def places(
    taps: list[Tap], numbers: list[dict[str, float]], gradients: list[Any] | None
) -> list[dict[str, Any]]:
    """The places in the order of their return.

    With their tensors where gradients are given, each of which can be None.
    """
    tensors = [None] * len(taps) if gradients is None else gradients
    rows = [
        _place(tap, row, gradients is not None, gradient)
        for tap, row, gradient in zip(taps, numbers, tensors, strict=True)
    ]
    for row in rows:
        row["inner"] = not any(
            row["start"] < other["start"] and other["end"] < row["end"] for other in rows
        )
    return rows


def norms(row: Mapping[str, float]) -> dict[str, Any]:
    """The `Norms` of a place."""
    known = {name: row.get(name) for name in ("rms", "mean", "gradient", "dead")}
    return {**known, "finite": bool(row["finite"])}


def layers(
    entries: list[Entry], gradients: Mapping[int, Any] | None, seen: list[Tap]
) -> dict[str, Any]:
    """The layers that own variables.

    With their gradients where there are any, and the configuration of their first call.
    """
    configs: dict[str, dict[str, Any]] = {}
    for tap in seen:
        configs.setdefault(tap.path, tap.config)
    return {entry.path: _layer(entry, gradients, configs.get(entry.path)) for entry in entries}


def parameters(entries: list[Entry], trained: bool) -> dict[str, dict[str, np.ndarray]]:
    """By path and canonical name, the parameters as they are now, or the statistics."""
    found = {}
    for entry in entries:
        weights = [weight for weight in entry.weights if weight.trained == trained]
        found[entry.path] = {
            weight.name: weight.turn(weight.of(array(weight.variable.value))) for weight in weights
        }
    return {path: held for path, held in found.items() if held}


def gradients(entry: Entry, at_weights: Mapping[int, Any]) -> dict[str, np.ndarray | None]:
    """By canonical name; None where none reaches it, and where it is frozen."""
    found: dict[str, np.ndarray | None] = {}
    for weight in entry.weights:
        if weight.trained:
            gradient = at_weights.get(id(weight.variable))
            found[weight.name] = (
                None if gradient is None else weight.turn(weight.of(array(gradient)))
            )
    return found


def remarks(seen: Pass, entries: list[Entry], precision: str | None) -> list[str]:
    """What was said during a pass, and what its result shows."""
    used = {id(layer) for layer in seen.used}
    said = list(seen.remarks)
    for entry in entries:
        reached = any(
            seen.at_weights.get(id(weight.variable)) is not None for weight in entry.weights
        )
        if reached and id(entry.layer) not in used:
            said.append(
                f"{entry.path} gets a gradient, but was not seen: call the layer itself, not its "
                "`call` or its variables"
            )
    if (
        hasattr(seen.output, "_keras_logits")
        and any(not tap.path for tap in seen.taps)
        and seen.at_weights
    ):
        said.append(
            "Keras keeps the logits beside the output, and its losses use them: no gradient need "
            "go through the output"
        )
    if len(seen.taps) == 1 and entries and not any(entry.path == "" for entry in entries):
        said.append(
            "only the model's own output was seen: its inside runs as one compiled piece; give "
            "the model before that"
        )
    halves = sorted(
        {
            tap.tensor.dtype.name
            for tap in seen.taps
            if tap.tensor.dtype.name in ("float16", "bfloat16")
        }
    )
    if halves:
        said.append(f"computed in {', '.join(halves)}: what is handed out is widened to float32")
    others = sorted(
        {
            tap.path or "(model)"
            for tap in seen.taps
            if precision and tap.tensor.dtype.name != precision
        }
    )
    if others:
        said.append(f"computed in another precision than {precision}: {', '.join(others)}")
    return said


def _place(tap: Tap, row: dict[str, float], full: bool, gradient: Any) -> dict[str, Any]:
    return {
        **{
            name: getattr(tap, name)
            for name in ("path", "call", "leaf", "start", "end", "type", "kind", "config", "layout")
        },
        "inner": True,
        "shape": [int(length) for length in tap.tensor.shape],
        "dtype": tap.tensor.dtype.name,
        "norms": norms(row),
        "inputs": [array(tensor) for tensor in tap.given] if full else [],
        "output": array(tap.tensor) if full else None,
        "gradient": None if gradient is None else array(gradient),
    }


def _layer(
    entry: Entry, at_weights: Mapping[int, Any] | None, config: dict[str, Any] | None
) -> dict[str, Any]:
    held = {trained: parameters([entry], trained).get(entry.path, {}) for trained in (True, False)}
    return {
        "type": type(entry.layer).__name__,
        "kind": entry.kind,
        "config": of_layer(entry.kind, entry.layer) if config is None else config,
        "parameters": held[True],
        "gradients": {} if at_weights is None else gradients(entry, at_weights),
        "statistics": held[False],
        "names": {weight.name: weight.variable.path for weight in entry.weights},
        "trainable": {weight.name: bool(weight.variable.trainable) for weight in entry.weights},
    }
