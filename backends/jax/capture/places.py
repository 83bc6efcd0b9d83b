"""A place, on the host: what was known when it was traced, and what the program gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .frames import Taken
from .marks import Site


@dataclass(frozen=True, eq=False)
class Static:
    """A place without its values.

    Attributes:
        site: The module or function.
        call, leaf, start, end, layout, shape, dtype: As in `Place`.
    """

    site: Site
    call: int
    leaf: int
    start: int
    end: int
    layout: list[int] | None
    shape: list[int]
    dtype: str

    @classmethod
    def of(cls, taken: Taken) -> Static:
        """Of what was met."""
        shape = [int(size) for size in taken.output.shape]
        dtype = str(taken.output.dtype)
        return cls(
            taken.site, taken.call, taken.leaf, taken.start, taken.end, taken.layout, shape, dtype
        )

    @property
    def key(self) -> tuple[str, int, int]:
        """What it is put by."""
        return self.site.path, self.call, self.leaf


def entry(
    static: Static,
    numbers: Any,
    reached: bool,
    inputs: list[np.ndarray],
    output: np.ndarray | None,
    slope: np.ndarray | None,
) -> dict[str, Any]:
    """A `Place`; whether it holds others, and what a user's own module is, is set in the end."""
    rms, mean, dead, gradient = (float(number) for number in numbers)
    return {
        "path": static.site.path,
        "call": static.call,
        "leaf": static.leaf,
        "start": static.start,
        "end": static.end,
        "inner": True,
        "type": static.site.type,
        "kind": static.site.kind,
        "config": static.site.config,
        "shape": static.shape,
        "dtype": static.dtype,
        "layout": static.layout,
        "norms": {
            "rms": rms,
            "mean": mean,
            "gradient": gradient if reached else None,
            "dead": dead if dead >= 0 else None,
            "finite": bool(np.isfinite(rms) and np.isfinite(gradient)),
        },
        "inputs": _canonical(static.site, inputs),
        "output": output,
        "gradient": slope,
    }


def _canonical(site: Site, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Query, key and value of a function of attention as [batch, heads, time, width].

    Flax has the time first.
    """
    if site.module or site.kind != "attention":
        return inputs
    return [np.swapaxes(each, -2, -3) for each in inputs[:3]] + inputs[3:]


def settled(places: list[dict[str, Any]], owning: set[str]) -> list[dict[str, Any]]:
    """The places, each with whether others lie within it.

    A user's own module that only calls others is a container.
    """
    for place in places:
        place["inner"] = not any(
            place["start"] < other["start"] and other["end"] < place["end"] for other in places
        )
        if place["kind"] == "other" and not place["inner"] and place["path"] not in owning:
            place["kind"] = "container"
    return places
