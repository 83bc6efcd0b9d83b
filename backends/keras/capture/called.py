"""A layer that is called, as its configuration is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Call:
    """One call of a layer: the layer, its inputs and arguments, and its output.

    Attributes:
        layer: The layer.
        kwargs: What it was called with, by name.
        input: The shape of its first input.
        output: The shape of its output.
    """

    def __init__(self, layer: Any, kwargs: Mapping[str, Any], inputs: list[Any], output: Any):
        self.layer = layer
        self.kwargs = kwargs
        self.input = tuple(inputs[0].shape) if inputs else ()
        self.output = tuple(output.shape)
