"""What a model computes while it is called: each layer's and each function's output, watched for its gradient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .config import Call, config_of
from .functions import arguments, described, name_of, plain, snake
from .known import is_linear, kind_of, ours
from .paths import joined

L = keras.layers

Key = tuple[str, int, int]

HIDDEN = (L.RNN, L.MultiHeadAttention, L.TimeDistributed)
"""Layers whose inside is not looked into: their steps, heads and slices are what they do, not places of the model."""

UNHELD = (
    "is held by no attribute that Keras tracks: its parameters are not among the layers; make it one of the layer that calls it"
)


@dataclass
class Tap:
    """A place as it was seen; see `Place` of the contract for the names.

    Attributes:
        tensor: The output, of which the tape knows the gradient.
        given: The tensors that went in.
    """

    path: str
    call: int
    leaf: int
    start: int
    end: int
    type: str
    kind: str
    config: dict[str, Any]
    layout: list[int] | None
    tensor: Any
    given: list[Any]


@dataclass
class Frame:
    """A call that has not returned: of a layer, with its path, inputs and arguments, and when it was entered."""

    path: str
    layer: Any
    call: int
    start: int
    given: list[Any]
    kwargs: Mapping[str, Any]
    done: bool = False


@dataclass
class Recorder:
    """Records the places of one call of a model.

    Attributes:
        where: By the id of a layer, its path.
        tape: What knows the gradients; None where none are wanted.
        put: By path, call and leaf, what replaces a value.
        format: Which axis is the channel's in a layer that does not say so: "channels_last", "channels_first", or None.
        rates: By the id of a layer of chance, its rate, which is 0 now.
    """

    where: Mapping[int, str]
    rates: Mapping[int, float]
    tape: tf.GradientTape | None = None
    put: Mapping[Key, np.ndarray] = field(default_factory=dict)
    format: str | None = "channels_last"
    taps: list[Tap] = field(default_factory=list)
    used: dict[int, Any] = field(default_factory=dict)
    remarks: dict[str, None] = field(default_factory=dict)
    replaced: set[Key] = field(default_factory=set)
    on: bool = True

    def __post_init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.frames: list[Frame] = []
        self.silent = 0
        self.hider = ""
        self.clock = 0

    @property
    def quiet(self) -> bool:
        """Whether calls pass unseen: within a hidden layer or a recorded function, and after the model has returned."""
        return not self.on or self.silent > 0

    def operation(self, original: Callable[..., Any], operation: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call a layer, or an operation of a Functional model, and record what it returns."""
        if self.on and isinstance(operation, L.Layer):
            self._use(operation)
        if self.quiet or _symbolic(args, kwargs):
            return original(operation, *args, **kwargs)
        if isinstance(operation, L.Layer):
            return self._layer(original, operation, args, kwargs)
        if self.frames and ours(self.frames[-1].layer) and not isinstance(self.frames[-1].layer, keras.Model):
            return original(operation, *args, **kwargs)
        name = snake(type(operation).__name__)
        numbers = vars(operation)
        return self.function(
            lambda *a, **k: original(operation, *a, **k), name, type(operation).__name__, args, kwargs, numbers
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
        """Call a function between modules, and record the tensors of floating-point numbers that it returns."""
        if _symbolic(args, kwargs):
            return function(*args, **kwargs)
        start = self._tick()
        given = tensors((args, kwargs))
        output = self._hidden(said if numbers is None else "", function, args, kwargs)
        if not given or not any(_is_float(leaf) for leaf in tf.nest.flatten(output)):
            return output
        owner = self.frames[-1].path if self.frames else ""
        path = f"{owner}:{name}"
        call = self._call(path)
        known = arguments(function, args, kwargs) if numbers is None else numbers
        kind, config = described(name, known)
        end = self._tick()

        def seen(leaf: int, tensor: Any) -> Any:
            if not _is_float(tensor):
                return tensor
            return self.watch(Tap(path, call, leaf, start, end, said, kind, config, None, tensor, given))

        return _each_leaf(seen, output)

    def activation(self, layer: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call a layer's inner activation: what goes in is the layer's own place, what comes out the activation's."""
        frame = self.frames[-1] if self.frames else None
        if self.quiet or frame is None or frame.layer is not layer or not args or not _is_float(args[0]):
            return function(*args, **kwargs)
        before = self._own(frame, args[0]) if not frame.done else args[0]
        frame.done = True
        name = name_of(function)
        numbers = vars(function) if isinstance(function, L.Layer) else None
        return self.function(function, name, name, (before, *args[1:]), kwargs, numbers)

    def attention(self, layer: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call what an attention layer does with its heads, with query, key and value [batch, time, heads, width]."""
        frame = self.frames[-1] if self.frames else None
        if not self.on or frame is None or frame.layer is not layer or self.silent > 1:
            return function(*args, **kwargs)
        start = self._tick()
        output, scores = function(*args, **kwargs)
        if len(output.shape) != 4:
            return output, scores
        query, key, value = [*args, *(kwargs[name] for name in ("query", "key", "value")[len(args) :])][:3]
        given = [_heads_first(tensor) for tensor in (query, key, value)]
        path = f"{frame.path}:attention"
        config = config_of("attention", Call(layer, frame.kwargs, given, output))
        tap = Tap(
            path, self._call(path), 0, start, self._tick(), "attention", "attention", config, None, _heads_first(output), given
        )
        return _heads_first(self.watch(tap)), scores

    def watch(self, tap: Tap) -> Any:
        """Keep a place; the tensor that goes on in its stead is its own, so that a gradient is that of this place alone."""
        key = (tap.path, tap.call, tap.leaf)
        tensor = tap.tensor
        if key in self.put:
            self.replaced.add(key)
            tap.tensor = _put(tensor, _fitting(key, self.put[key], tensor))
        else:
            tap.tensor = tf.identity(tensor)
        for name in ("_keras_mask", "_keras_logits"):
            if hasattr(tensor, name):
                setattr(tap.tensor, name, getattr(tensor, name))
        if self.tape is not None and _is_float(tap.tensor):
            self.tape.watch(tap.tensor)
        self.taps.append(tap)
        return tap.tensor

    def _layer(self, original: Callable[..., Any], layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        path = self._path(layer)
        frame = Frame(path, layer, self._call(path), self._tick(), _inputs(layer, args, kwargs), kwargs)
        self.frames.append(frame)
        self.silent += isinstance(layer, HIDDEN)
        try:
            output = original(layer, *args, **kwargs)
        finally:
            self.silent -= isinstance(layer, HIDDEN)
            self.frames.pop()
        return output if frame.done else self._returned(frame, output)

    def _returned(self, frame: Frame, output: Any) -> Any:
        backwards = self._is_backward_half(frame) and len(tf.nest.flatten(output)[0].shape) == 3
        end = self._tick()

        def seen(leaf: int, tensor: Any) -> Any:
            if not _is_number(tensor):
                return tensor
            if backwards and leaf == 0:
                return tf.reverse(self._own(frame, tf.reverse(tensor, [1]), leaf, end), [1])
            return self._own(frame, tensor, leaf, end)

        return _each_leaf(seen, output)

    def _own(self, frame: Frame, tensor: Any, leaf: int = 0, end: int | None = None) -> Any:
        layer = frame.layer
        kind = kind_of(layer)
        config = config_of(kind, Call(layer, frame.kwargs, frame.given, tensor))
        if kind == "dropout":
            config = self._dropout(frame)
        if kind == "container" or kind == "other":
            config = numbers_of(layer) if ours(layer) else {}
        ended = self._tick() if end is None else end
        layout = self._layout(layer, kind, len(tensor.shape))
        name = type(layer).__name__
        return self.watch(
            Tap(frame.path, frame.call, leaf, frame.start, ended, name, kind, config, layout, tensor, frame.given)
        )

    def _dropout(self, frame: Frame) -> dict[str, Any]:
        rate = self.rates.get(id(frame.layer), 0.0)
        return {"rate": rate, "active": bool(frame.kwargs.get("training")) and rate > 0}

    def _layout(self, layer: Any, kind: str, rank: int) -> list[int] | None:
        if kind == "batch_norm":
            channel = layer.axis % rank
            return [*(axis for axis in range(rank) if axis != channel), channel]
        said = getattr(layer, "data_format", None) if kind in ("convolution", "pooling") else self.format
        if kind in ("affine", "embedding", "recurrent", "attention", "layer_norm", "rms_norm"):
            said = "channels_last"
        if said == "channels_first" and rank > 2:
            return [0, *range(2, rank), 1]
        return None if said is None else list(range(rank))

    def _is_backward_half(self, frame: Frame) -> bool:
        outer = self.frames[-1].layer if self.frames else None
        return isinstance(outer, L.Bidirectional) and frame.layer is outer.backward_layer

    def _hidden(self, said: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        outer, self.hider = self.hider, said
        self.silent += 1
        try:
            return function(*args, **kwargs)
        finally:
            self.silent -= 1
            self.hider = outer

    def _use(self, layer: Any) -> None:
        self.used.setdefault(id(layer), layer)
        if self.hider and self.silent == 1:
            self.remarks[
                f"{self.where.get(id(layer), layer.name)} is called within {self.hider}: it is not looked into there"
            ] = None

    def _path(self, layer: Any) -> str:
        """Its path; of a layer that no attribute holds, that of its caller and its class."""
        if id(layer) in self.where:
            return self.where[id(layer)]
        owner = self.frames[-1].path if self.frames else ""
        path = joined(owner, snake(type(layer).__name__))
        if layer.weights:
            self.remarks[f"{path} {UNHELD}"] = None
        return path

    def _call(self, path: str) -> int:
        self.calls[path] += 1
        return self.calls[path] - 1

    def _tick(self) -> int:
        self.clock += 1
        return self.clock


def tensors(structure: Any) -> list[Any]:
    """The tensors in a structure, variables by their values at this time."""
    found = []
    for leaf in tf.nest.flatten(structure):
        if isinstance(leaf, keras.Variable | tf.Variable):
            found.append(tf.convert_to_tensor(leaf))
        elif tf.is_tensor(leaf):
            found.append(leaf)
    return found


def numbers_of(layer: Any) -> dict[str, Any]:
    """The numbers of a layer whose kind is not known, by Keras' own names."""
    names = [*("axis", "padding", "size", "factor", "offset", "rate", "n", "stddev", "scale", "groups", "strides"), "normalize"]
    held = {name: plain(vars(layer)[name]) for name in names if name in vars(layer)}
    return {name: value for name, value in held.items() if value is not None}


def splits(layer: Any) -> bool:
    """Whether a layer has an inner activation that is a place of its own."""
    activation = vars(layer).get("activation")
    return ours(layer) and callable(activation) and not is_linear(layer) and not isinstance(layer, L.Activation | L.RNN)


def _inputs(layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
    """The tensors that go into a layer; of an attention layer in the order query, key, value."""
    named = {name: value for name, value in kwargs.items() if "mask" not in name}
    if isinstance(layer, L.MultiHeadAttention):
        bound = arguments(layer.call, args, named)
        value, key = bound.get("value"), bound.get("key")
        return tensors([bound.get("query"), value if key is None else key, value])
    return tensors((args, named))


def _each_leaf(function: Callable[[int, Any], Any], output: Any) -> Any:
    leaves: Sequence[Any] = tf.nest.flatten(output)
    return tf.nest.pack_sequence_as(output, [function(index, leaf) for index, leaf in enumerate(leaves)])


def _heads_first(tensor: Any) -> Any:
    return tf.transpose(tensor, (0, 2, 1, 3))


def _symbolic(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    return any(isinstance(leaf, keras.KerasTensor) for leaf in tf.nest.flatten((args, kwargs)))


def _is_float(value: Any) -> bool:
    return isinstance(value, tf.Tensor) and value.dtype.is_floating


def _is_number(value: Any) -> bool:
    return isinstance(value, tf.Tensor) and (value.dtype.is_floating or value.dtype.is_integer)


def _fitting(key: Key, array: np.ndarray, tensor: Any) -> Any:
    if tuple(array.shape) != tuple(tensor.shape):
        raise ValueError(f"what is put at {key} has to have the shape {tuple(tensor.shape)}; received {tuple(array.shape)}")
    return tf.convert_to_tensor(array.astype(tensor.dtype.as_numpy_dtype))


@tf.custom_gradient
def _put(tensor: Any, value: Any) -> Any:
    """The value; the gradient goes to the tensor as if it had not been replaced."""
    return tf.identity(value), lambda gradient: (gradient, None)
