"""A block of parts, as defined: forward one after another, backward in reverse order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module

import numpy as np

from backends.numpy.rounding import EXACT, Exact
from common.network import Arrays
from common.part import Part


@dataclass
class Site:
    """What a pass through one layer leaves.

    Attributes:
        number: Of the layer, counted from 0.
        training: Whether the pass is one of training.
        parameters: Of the layer, [seed, ...] by their bare names, its statistics among them.
        z: What goes into each of its activations, [seed, batch, unit]; the last one tells which
            units are dead.
        h: What comes out of the layer.
        statistics: After the pass.
        carried: What a step of time gets of the one before, and then what it hands on; the first is
            the output.
        back: On the way back the gradient of what it handed on beside the output, and then that of
            what it got.
    """

    number: int
    training: bool
    parameters: Arrays
    z: list[np.ndarray] = field(default_factory=list)
    h: np.ndarray = field(default_factory=lambda: np.empty(0))
    statistics: Arrays = field(default_factory=dict)
    carried: tuple[np.ndarray, ...] = ()
    back: tuple[np.ndarray, ...] = ()


Backward = Callable[[np.ndarray], tuple[np.ndarray, Arrays]]
"""From the gradient of what a layer gives to that of what it takes, and to those of its
parameters."""

Layer = Callable[[np.ndarray, Site], tuple[np.ndarray, Backward]]
"""From x [seed, batch, unit] to y, and the way back."""


def block(parts: Iterable[Part], rounding: Exact = EXACT) -> Layer:
    """The layer that consists of some parts."""
    layers: list[Layer] = [
        import_module(f"backends.numpy.{part.room}").layer(part, rounding) for part in parts
    ]

    def forward(x: np.ndarray, site: Site) -> tuple[np.ndarray, Backward]:
        ways: list[Backward] = []
        for layer in layers:
            x, way = layer(x, site)
            ways.append(way)

        def backward(cotangent: np.ndarray) -> tuple[np.ndarray, Arrays]:
            gradients: Arrays = {}
            for way in reversed(ways):
                cotangent, found = way(cotangent)
                gradients |= found
            return cotangent, gradients

        return x, backward

    return forward
