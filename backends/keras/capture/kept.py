"""The places of one call of a model that are kept, each as a tensor of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .called import Call
from .config import config_of
from .course import Course
from .functions import single
from .kinds import kind_of, ours
from .taps import (
    Frame,
    Key,
    Tap,
    fitting,
    heads_first,
    is_float,
    numbers_of,
    put_instead,
)

L = keras.layers


@dataclass
class Kept:
    """The places of one call of a model.

    Attributes:
        course: Where it is in the model.
        tape: What knows the gradients; None where none are wanted.
        put: By path, call and leaf, what replaces a value.
        format: Which axis is the channel's in a layer that does not say so: "channels_last",
            "channels_first", or None.
        rates: By the id of a layer of chance, its rate, which is 0 now.
    """

    course: Course
    rates: Mapping[int, float]
    tape: tf.GradientTape | None = None
    put: Mapping[Key, np.ndarray] = field(default_factory=dict)
    format: str | None = "channels_last"
    taps: list[Tap] = field(default_factory=list)
    replaced: set[Key] = field(default_factory=set)

    def _heads(self, tap: Tap, output: Any, masked: bool) -> Any:
        """An attention's [batch, time, heads, width] inputs and output as in every framework.

        Heads come first.
        """
        width = int(tap.given[0].shape[-1])
        config = {
            "heads": int(output.shape[2]),
            "scale": single(width**-0.5),
            "causal": False,
            "masked": masked,
            **tap.config,
        }
        given = [heads_first(tensor) for tensor in tap.given]
        return heads_first(
            self.watch(replace(tap, tensor=heads_first(output), given=given, config=config))
        )

    def watch(self, tap: Tap) -> Any:
        """Keep a place.

        The tensor that goes on in its stead is its own, so that a gradient is that of this place
        alone.
        """
        key = (tap.path, tap.call, tap.leaf)
        tensor = tap.tensor
        if key in self.put:
            self.replaced.add(key)
            tap.tensor = put_instead(tensor, fitting(key, self.put[key], tensor))
        else:
            tap.tensor = tf.identity(tensor)
        for name in ("_keras_mask", "_keras_logits"):
            if hasattr(tensor, name):
                setattr(tap.tensor, name, getattr(tensor, name))
        if self.tape is not None and is_float(tap.tensor):
            self.tape.watch(tap.tensor)
        self.taps.append(tap)
        return tap.tensor

    def _own(self, frame: Frame, tensor: Any, leaf: int = 0, end: int | None = None) -> Any:
        layer = frame.layer
        kind = kind_of(layer)
        config = config_of(kind, Call(layer, frame.kwargs, frame.given, tensor))
        if kind == "dropout":
            config = self._dropout(frame)
        if kind == "container" or kind == "other":
            config = numbers_of(layer) if ours(layer) else {}
        ended = self.course.tick() if end is None else end
        layout = self._layout(layer, kind, len(tensor.shape))
        name = type(layer).__name__
        return self.watch(
            Tap(
                frame.path,
                frame.call,
                leaf,
                frame.start,
                ended,
                name,
                kind,
                config,
                layout,
                tensor,
                frame.given,
            )
        )

    def _dropout(self, frame: Frame) -> dict[str, Any]:
        rate = self.rates.get(id(frame.layer), 0.0)
        return {"rate": rate, "active": bool(frame.kwargs.get("training")) and rate > 0}

    def _layout(self, layer: Any, kind: str, rank: int) -> list[int] | None:
        if kind == "batch_norm":
            channel = layer.axis % rank
            return [*(axis for axis in range(rank) if axis != channel), channel]
        said = (
            getattr(layer, "data_format", None)
            if kind in ("convolution", "pooling")
            else self.format
        )
        if kind in ("affine", "embedding", "recurrent", "attention", "layer_norm", "rms_norm"):
            said = "channels_last"
        if said == "channels_first" and rank > 2:
            return [0, *range(2, rank), 1]
        return None if said is None else list(range(rank))

    def _is_backward_half(self, frame: Frame) -> bool:
        outer = self.course.innermost
        return (
            outer is not None
            and isinstance(outer.layer, L.Bidirectional)
            and frame.layer is outer.layer.backward_layer
        )
