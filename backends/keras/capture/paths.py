"""Where a layer is in a model: the path by which its author would write it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
from keras.src.models.functional import Functional

NAMED = (keras.Sequential, Functional)
"""Models whose layers are known by their names; all others hold theirs as attributes."""

KERAS_OWN = ("_layers", "_functional", "_self_", "_tracker")
"""How attributes begin in which Keras itself, or TensorFlow, holds layers a second time."""


def children(layer: Any) -> list[tuple[str, Any]]:
    """The layers that a layer holds, under its attribute (`blocks.0`), else under its name."""
    held = {id(child): child for child in layer._layers}
    names: dict[int, str] = {}
    if not isinstance(layer, NAMED):
        own = {name: value for name, value in vars(layer).items() if not name.startswith(KERAS_OWN)}
        for name, value in own.items():
            for below, child in _layers_in(value):
                if id(child) in held:
                    names.setdefault(id(child), f"{name}{below}")
    return [(names.get(key, str(child.name)), child) for key, child in held.items()]


def paths(model: Any) -> dict[int, str]:
    """By the id of each layer, its first path; the model's own is empty."""
    found: dict[int, str] = {}
    _walk(model, "", found)
    return found


def layers(model: Any) -> list[Any]:
    """The model and all layers in it, each once, in the order of their definition."""
    found: dict[int, Any] = {}
    _collect(model, found)
    return list(found.values())


def joined(owner: str, name: str) -> str:
    """The path of what an owner holds."""
    return f"{owner}.{name}" if owner else name


def _walk(layer: Any, path: str, found: dict[int, str]) -> None:
    if id(layer) in found:
        return
    found[id(layer)] = path
    if isinstance(layer, keras.layers.Bidirectional):
        found[id(layer.forward_layer)] = f"{path}[0]"
        found[id(layer.backward_layer)] = f"{path}[0,back]"
    for name, child in children(layer):
        _walk(child, joined(path, name), found)


def _collect(layer: Any, found: dict[int, Any]) -> None:
    if id(layer) in found:
        return
    found[id(layer)] = layer
    for child in layer._layers:
        _collect(child, found)


def _layers_in(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, keras.layers.Layer):
        yield "", value
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            yield from ((f".{index}{below}", layer) for below, layer in _layers_in(entry))
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from ((f".{key}{below}", layer) for below, layer in _layers_in(entry))
