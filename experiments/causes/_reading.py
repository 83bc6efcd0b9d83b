"""What a capture says of a place, read as a side of a case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from experiments.causes._case import Side, Steps
from isograd.captured import Captured, Layer, Place, Step

NARROW = {"float32", "float16", "bfloat16"}
"""Types of less than float64."""


UNSTATED = ("other", "concatenate")
"""Kinds of functions whose layout no framework states."""


@dataclass(frozen=True)
class Reading:
    """Takes sides out of a capture."""

    captured: Captured
    dialect: str

    def side(self, place: Place) -> Side:
        """A place with its layer, in the canonical layout."""
        layer = self.captured["layers"].get(place["path"].split(":")[0])
        axes = self._axes(place)
        ordered = None if place["output"] is None else _ordered(place["output"], axes)
        gradient = None if place["gradient"] is None else _ordered(place["gradient"], axes)
        inputs = tuple(self._input(each, place) for each in place["inputs"])
        side = replace(self._blank(), path=place["path"], kind=place["kind"], type=place["type"])
        side = replace(
            side,
            config=self._config(place),
            inputs=inputs,
            output=ordered,
            gradient=gradient,
            dtype=place["dtype"],
        )
        side = replace(side, single=side.single or place["dtype"] in NARROW)
        if layer is None or (":" in place["path"] and layer["kind"] != place["kind"]):
            return side
        return _with_layer(side, layer)

    def _axes(self, place: Place) -> list[int] | None:
        """Its layout.

        Of a function of one tensor that the framework says nothing of, that of tensors of so many
        axes.
        """
        output = place["output"]
        if place["layout"] is not None or output is None or place["kind"] not in UNSTATED:
            return place["layout"]
        alike = any(each.ndim == output.ndim for each in place["inputs"])
        return self._layouts().get(output.ndim) if alike else None

    def end(self, place: Place | None) -> list[Side]:
        """What goes into a place, or comes out of the model: a side for each tensor."""
        between = replace(self._blank(), kind="between", path=place["path"] if place else "")
        if place is None:
            return [replace(between, output=self._laid_out(self.captured["output"]))]
        return [replace(between, output=self._input(each, place)) for each in place["inputs"]]

    def _laid_out(self, values: np.ndarray | None) -> np.ndarray | None:
        """Channels last, as most of the model's tensors of so many axes would be brought to it."""
        return None if values is None else _ordered(values, self._layouts().get(values.ndim))

    def loss(self) -> Side:
        found = self.captured
        output, gradient, target = (
            self._laid_out(found[name]) for name in ("output", "output_gradient", "y")
        )
        if target is not None and output is not None and target.shape != output.shape:
            target = found["y"]  # classes, which have no channels
        side = replace(self._blank(), kind="loss", output=output, gradient=gradient)
        return replace(side, loss=found["loss"], target=target)

    def stepped(self, steps: Sequence[Step], names: Mapping[str, str]) -> Side:
        """The parameters go by the reference's paths."""
        before = {path: self.captured["layers"][own]["parameters"] for path, own in names.items()}
        after = [{path: step["parameters"][own] for path, own in names.items()} for step in steps]
        gradients = [
            _named({path: step["gradients"][own] for path, own in names.items()}) for step in steps
        ]
        run = Steps(
            self.captured["optimizer"], [_named(each) for each in (before, *after)], gradients
        )
        return replace(self._blank(), kind="optimizer", steps=run)

    def _blank(self) -> Side:
        own = {"torch": "torch", "keras": "keras", "jax": self.dialect or "linen"}[
            self.captured["backend"]
        ]
        return Side(self.captured["backend"], own, single=self.captured["precision"] != "float64")

    def _input(self, values: np.ndarray, place: Place) -> np.ndarray:
        same = place["layout"] is not None and len(place["layout"]) == values.ndim
        return _ordered(values, place["layout"] if same else self._layouts().get(values.ndim))

    def _layouts(self) -> dict[int, list[int]]:
        """The most frequent layout of tensors with so many axes."""
        votes = Counter(
            tuple(place["layout"]) for place in self.captured["places"] if place["layout"]
        )
        return {len(layout): list(layout) for layout, _ in reversed(votes.most_common())}

    def _config(self, place: Place) -> dict[str, Any]:
        """With what the layout tells.

        How a flattening goes through channels, and where the axis of a concatenation is.
        """
        if (
            place["kind"] == "concatenate"
            and "axis" in place["config"]
            and (axes := self._axes(place)) is not None
        ):
            return place["config"] | {"axis": axes.index(int(place["config"]["axis"]) % len(axes))}
        if place["kind"] != "flatten" or not place["inputs"]:
            return place["config"]
        ndim = place["inputs"][0].ndim
        layout = self._layouts().get(ndim, list(range(ndim)))
        return place["config"] | {"channels_first": layout != list(range(ndim))}


def _with_layer(side: Side, layer: Layer) -> Side:
    config = {**layer["config"], **side.config}
    side = replace(
        side, config=config, parameters=layer["parameters"], statistics=layer["statistics"]
    )
    return replace(side, trainable=layer["trainable"], gradients=layer["gradients"])


def _ordered(values: np.ndarray, layout: Sequence[int] | None) -> np.ndarray:
    return values.transpose(layout) if layout is not None and len(layout) == values.ndim else values


def _named(layers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        f"{path}.{name}" if path else name: array
        for path, arrays in layers.items()
        for name, array in arrays.items()
    }
