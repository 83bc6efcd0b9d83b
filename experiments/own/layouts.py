"""Layouts that a capture does not state, but that follow from others.

Of what is transposed, or computed element by element.
"""

from __future__ import annotations

from experiments.own.flow import made
from isograd.captured import Captured, Place

BY_ELEMENT = ("activation", "dropout", "add", "multiply")


def completed(captured: Captured) -> Captured:
    """The capture, with values, and with those layouts in it.

    A layout that a layer states is kept. Of a transposition it is that of what is transposed,
    turned: then a value is read channels last on both sides, whichever of them turns it, and when.
    """
    before: list[Place] = []
    for place in captured["places"]:
        place["layout"] = _layout(place, before)
        before.append(place)
    return captured


def _layout(place: Place, before: list[Place]) -> list[int] | None:
    source = _source(place, before)
    if source is None or len(source) != len(place["shape"]):
        return place["layout"]
    axes = place["config"].get("axes", [])
    if place["kind"] == "transpose" and sorted(axes) == sorted(source):
        return [axes.index(axis) for axis in source]
    if (
        place["kind"] in BY_ELEMENT
        and place["layout"] is None
        and place["inputs"][0].shape == tuple(place["shape"])
    ):
        return source
    return place["layout"]


def _source(place: Place, before: list[Place]) -> list[int] | None:
    """The layout of the tensor that goes in: of the last place that returned it."""
    if not place["inputs"] or place["kind"] not in ("transpose", *BY_ELEMENT):
        return None
    value = place["inputs"][0]
    makers = (each for each in reversed(before) if made(each, value))
    return next((each["layout"] for each in makers), None)
