"""What a model computes while it is called.

Each layer's and each function's output, watched for its gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import keras
import tensorflow as tf

from .called import Call
from .config import config_of
from .functions import arguments, described, name_of, snake
from .kept import Kept
from .kinds import ours
from .taps import (
    Frame,
    Tap,
    each_leaf,
    inputs_of,
    is_float,
    is_number,
    symbolic,
    tensors,
)

L = keras.layers

HIDDEN = (L.RNN, L.MultiHeadAttention, L.TimeDistributed)
"""Layers whose inside is not looked into: their steps, heads and slices are what they do, not
places of the model."""


class Recorder(Kept):
    """Records the places of one call of a model."""

    def operation(
        self,
        original: Callable[..., Any],
        operation: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Call a layer, or an operation of a Functional model, and record what it returns."""
        if self.course.on and isinstance(operation, L.Layer):
            self.course.use(operation)
        if self.course.quiet or symbolic(args, kwargs):
            return original(operation, *args, **kwargs)
        if isinstance(operation, L.Layer):
            return self._layer(original, operation, args, kwargs)
        frame = self.course.innermost
        if frame and ours(frame.layer) and not isinstance(frame.layer, keras.Model):
            return original(operation, *args, **kwargs)
        name = snake(type(operation).__name__)
        numbers = vars(operation)
        return self.function(
            lambda *a, **k: original(operation, *a, **k),
            name,
            type(operation).__name__,
            args,
            kwargs,
            numbers,
        )

    def function(
        self,
        function: Callable[..., Any],
        name: str,
        said: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        numbers: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function between modules, and record the floating-point tensors it returns."""
        if symbolic(args, kwargs):
            return function(*args, **kwargs)
        start = self.course.tick()
        given = tensors((args, kwargs))
        output = self.course.hidden(said if numbers is None else "", function, args, kwargs)
        if not given or not any(is_float(leaf) for leaf in tf.nest.flatten(output)):
            return output
        owner = self.course.innermost
        path = f"{owner.path if owner else ''}:{name}"
        known = arguments(function, args, kwargs) if numbers is None else numbers
        kind, config = described(name, known)
        tap = Tap(
            path,
            self.course.call(path),
            0,
            start,
            self.course.tick(),
            said,
            kind,
            config,
            None,
            None,
            given,
        )
        if kind == "attention" and len(output.shape) == 4:
            heads = [known.get(name) for name in ("query", "key", "value")]
            return self._heads(
                replace(tap, given=tensors(heads)), output, masked=known.get("mask") is not None
            )
        return each_leaf(lambda leaf, tensor: self._function_leaf(tap, leaf, tensor), output)

    def _function_leaf(self, tap: Tap, leaf: int, tensor: Any) -> Any:
        if not is_float(tensor):
            return tensor
        layout = (
            self._layout(None, tap.kind, len(tensor.shape)) if tap.kind == "activation" else None
        )
        return self.watch(replace(tap, leaf=leaf, tensor=tensor, layout=layout))

    def activation(
        self,
        layer: Any,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Call a layer's inner activation.

        What goes in is the layer's own place, what comes out the activation's.
        """
        frame = self.course.innermost
        if (
            self.course.quiet
            or frame is None
            or frame.layer is not layer
            or not args
            or not is_float(args[0])
        ):
            return function(*args, **kwargs)
        before = self._own(frame, args[0]) if not frame.done else args[0]
        frame.done = True
        name = name_of(function)
        numbers = vars(function) if isinstance(function, L.Layer) else None
        return self.function(function, name, name, (before, *args[1:]), kwargs, numbers)

    def attention(
        self,
        layer: Any,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Call an attention's function of query, key and value [batch, time, heads, width]."""
        frame = self.course.innermost
        if (
            not self.course.on
            or frame is None
            or frame.layer is not layer
            or self.course.silent > 1
        ):
            return function(*args, **kwargs)
        start = self.course.tick()
        output, scores = function(*args, **kwargs)
        if len(output.shape) != 4:
            return output, scores
        given = [*args, *(kwargs[name] for name in ("query", "key", "value")[len(args) :])][:3]
        path = f"{frame.path}:attention"
        config = config_of("attention", Call(layer, frame.kwargs, given, output))
        number = self.course.call(path)
        end = self.course.tick()
        tap = Tap(path, number, 0, start, end, "attention", "attention", config, None, None, given)
        return self._heads(tap, output, masked=config["masked"]), scores

    def _layer(
        self,
        original: Callable[..., Any],
        layer: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        path = self.course.path(layer)
        frame = Frame(
            path,
            layer,
            self.course.call(path),
            self.course.tick(),
            inputs_of(layer, args, kwargs),
            kwargs,
        )
        self.course.frames.append(frame)
        self.course.silent += isinstance(layer, HIDDEN)
        try:
            output = original(layer, *args, **kwargs)
        finally:
            self.course.silent -= isinstance(layer, HIDDEN)
            self.course.frames.pop()
        return output if frame.done else self._returned(frame, output)

    def _returned(self, frame: Frame, output: Any) -> Any:
        backwards = self._is_backward_half(frame) and len(tf.nest.flatten(output)[0].shape) == 3
        end = self.course.tick()

        def seen(leaf: int, tensor: Any) -> Any:
            if not is_number(tensor):
                return tensor
            if backwards and leaf == 0:
                return tf.reverse(self._own(frame, tf.reverse(tensor, [1]), leaf, end), [1])
            return self._own(frame, tensor, leaf, end)

        return each_leaf(seen, output)
