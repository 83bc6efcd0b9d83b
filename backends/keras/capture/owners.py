"""The layers of a model that own variables, each once, with the path of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import keras

from .kinds import CELLS, kind_of, kind_of_part
from .weights import WEIGHTS, Weight, weights_of

L = keras.layers


class Entry(NamedTuple):
    """A layer that owns variables: its path, the object, its kind and its variables."""

    path: str
    layer: Any
    kind: str
    weights: list[Weight]


def entries(where: Mapping[int, str], layers: list[Any]) -> list[Entry]:
    """Each layer that owns variables, in the given order.

    A variable that two of them share is the first one's.
    """
    claimed: set[int] = set()
    found = []
    for path, layer in _parts(layers, where):
        weights = [weight for weight in weights_of(layer) if id(weight.variable) not in claimed]
        claimed.update(id(weight.variable) for weight in weights)
        if weights:
            found.append(Entry(path, layer, kind_of_part(layer), weights))
    return found


def _parts(layers: list[Any], where: Mapping[int, str]) -> Iterator[tuple[str, Any]]:
    """The layers that own variables.

    Of stacked cells each, of both directions each; not what is inside of a known one.
    """
    inside = {
        id(part)
        for layer in layers
        if _stacked(layer) or weights_within(layer)
        for part in _below(layer)
    }
    for layer in layers:
        if _stacked(layer):
            yield from (
                (f"{where[id(layer)]}[{index}]", cell) for index, cell in enumerate(_stacked(layer))
            )
        elif id(layer) not in inside:
            yield where[id(layer)], layer


def weights_within(layer: Any) -> bool:
    """Whether the layer's canonical weights are those of the layers that it holds."""
    return (
        isinstance(layer, L.RNN | L.MultiHeadAttention | L.TimeDistributed)
        and kind_of(layer) in WEIGHTS
    )


def _stacked(layer: Any) -> list[Any]:
    cells = getattr(getattr(layer, "cell", None), "cells", [])
    return list(cells) if all(type(cell) in CELLS for cell in cells) else []


def _below(layer: Any) -> Iterator[Any]:
    for child in layer._layers:
        yield child
        yield from _below(child)
