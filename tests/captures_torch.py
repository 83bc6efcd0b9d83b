"""Captures of PyTorch models in float64, and the places of one."""

from __future__ import annotations

from typing import Any

import torch

from backends.torch import capture


def weighted(output: Any, y: Any) -> Any:
    """No symmetry of the output hides a gradient."""
    return (
        output * torch.linspace(-1, 1.3, output.numel(), dtype=output.dtype).view_as(output)
    ).sum()


def of(make: Any, *arrays: Any, **options: Any) -> Any:
    torch.manual_seed(0)
    options = {"loss": weighted, "precision": "float64"} | options
    x = arrays[0] if len(arrays) == 1 else arrays
    return capture.subject(make(), x, **options)


def named(captured: dict[str, Any]) -> str:
    first = [place for place in captured["places"] if not place["leaf"]]
    return " ".join(
        (place["path"] or ".") + (f"#{place['call']}" if place["call"] else "") for place in first
    )


def place_of(captured: dict[str, Any], path: str, call: int = 0) -> dict[str, Any]:
    (found,) = [
        one
        for one in captured["places"]
        if (one["path"], one["call"], one["leaf"]) == (path, call, 0)
    ]
    return found
