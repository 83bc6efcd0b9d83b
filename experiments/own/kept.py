"""The tensors where a port parts from its reference first, as an .npz: to look at elsewhere."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from experiments.own.partings import spelt
from experiments.own.port_document import Parting
from experiments.own.sides import Sides
from experiments.whole import write_whole
from isograd.captured import Captured, Place


def kept(seen: Sides, first: Parting, path: Path) -> None:
    """Write inputs, output and dL/d output of the place where both part, each in its own layout.

    Where they part in no place of its own (the loss, a step), the output of the whole model and its
    gradient.
    """
    found = _arrays("reference", seen.reference, first.place) | _arrays(
        "port", seen.port, first.port_place
    )
    content = io.BytesIO()
    np.savez(content, place=first.place, port_place=first.port_place, stage=first.stage, **found)  # type: ignore[arg-type]
    write_whole(path, content.getvalue())


def _arrays(side: str, captured: Captured, name: str) -> dict[str, np.ndarray]:
    place = _named(captured["places"], name)
    if place is None:
        found = {
            "output": captured["output"],
            "gradient": captured["output_gradient"],
            "loss": np.asarray(captured["loss"]),
        }
    else:
        inputs = {f"input_{i}": value for i, value in enumerate(place["inputs"])}
        found = inputs | {"output": place["output"], "gradient": place["gradient"]}
    return {f"{side}_{key}": value for key, value in found.items() if value is not None}


def _named(places: Iterable[Place], name: str) -> Place | None:
    return next((place for place in places if spelt(place) == name), None)
