"""Which place feeds which, told by values: a tensor comes from the last place that returned it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from isograd.captured import Captured, Place


def made(place: Place, value: np.ndarray) -> bool:
    """Whether a place has returned this value."""
    output = place["output"]
    return output is not None and output.shape == value.shape and bool((output == value).all())


def maker(places: list[Place], value: np.ndarray, end: int) -> int | None:
    """The last place before an end that has returned a value and is no container.

    None where none is seen to.
    """
    before = reversed(range(end))
    return next(
        (i for i in before if places[i]["kind"] != "container" and made(places[i], value)), None
    )


def behind(places: list[Place], value: np.ndarray, end: int, agreed: Collection[int]) -> list[int]:
    """The places that a value comes from, back to those that agree, in the order of execution."""
    found: set[int] = set()
    left = [value]
    while left:
        i = maker(places, left.pop(), end)
        if i is not None and i not in agreed and i not in found:
            found.add(i)
            left.extend(places[i]["inputs"])
    return sorted(found)


def feeding(captured: Captured) -> dict[str, str]:
    """By the path of a layer, the layer that feeds it, through functions of one tensor or none."""
    places, layers = captured["places"], captured["layers"]
    first: dict[str, int] = {}
    for i, place in enumerate(places):
        if place["path"] in layers:
            first.setdefault(place["path"], i)
    fed = {path: _fed(places, i, layers) for path, i in first.items()}
    return {path: before for path, before in fed.items() if before is not None}


def _fed(places: list[Place], i: int, layers: Collection[str]) -> str | None:
    """The layer whose output goes into a place."""
    while len(places[i]["inputs"]) == 1:
        before = maker(places, places[i]["inputs"][0], i)
        if before is None or places[before]["path"] in layers:
            return None if before is None else places[before]["path"]
        i = before
    return None
