"""Tensors on their way through a recorder: what is kept of them, and what stands in their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .functions import arguments, plain
from .kinds import is_linear, ours

L = keras.layers

Key = tuple[str, int, int]


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
    """A call that has not returned, of a layer.

    With its path, inputs and arguments, and when it was entered.
    """

    path: str
    layer: Any
    call: int
    start: int
    given: list[Any]
    kwargs: Mapping[str, Any]
    done: bool = False


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
    names = [
        *(
            "axis",
            "padding",
            "size",
            "factor",
            "offset",
            "rate",
            "n",
            "stddev",
            "scale",
            "groups",
            "strides",
        ),
        "normalize",
    ]
    held = {name: plain(vars(layer)[name]) for name in names if name in vars(layer)}
    return {name: value for name, value in held.items() if value is not None}


def splits(layer: Any) -> bool:
    """Whether a layer has an inner activation that is a place of its own."""
    activation = vars(layer).get("activation")
    return (
        ours(layer)
        and callable(activation)
        and not is_linear(layer)
        and not isinstance(layer, L.Activation | L.RNN)
    )


def inputs_of(layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
    """The tensors that go into a layer; of an attention layer in the order query, key, value."""
    named = {name: value for name, value in kwargs.items() if "mask" not in name}
    if isinstance(layer, L.MultiHeadAttention):
        bound = arguments(layer.call, args, named)
        value = bound.get("value")
        key = bound.get("key")
        return tensors([bound.get("query"), value if key is None else key, value])
    return tensors((args, named))


def each_leaf(function: Callable[[int, Any], Any], output: Any) -> Any:
    """A structure with the function of (index, leaf) in the place of each leaf."""
    leaves: Sequence[Any] = tf.nest.flatten(output)
    return tf.nest.pack_sequence_as(
        output, [function(index, leaf) for index, leaf in enumerate(leaves)]
    )


def heads_first(tensor: Any) -> Any:
    """From [batch, time, heads, width] to [batch, heads, time, width], and back."""
    return tf.transpose(tensor, (0, 2, 1, 3))


def symbolic(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether a model is put together, and nothing computed."""
    return any(isinstance(leaf, keras.KerasTensor) for leaf in tf.nest.flatten((args, kwargs)))


def is_float(value: Any) -> bool:
    """A tensor of floating-point numbers."""
    return isinstance(value, tf.Tensor) and value.dtype.is_floating


def is_number(value: Any) -> bool:
    """A tensor of numbers, whole or not."""
    return isinstance(value, tf.Tensor) and (value.dtype.is_floating or value.dtype.is_integer)


def fitting(key: Key, array: np.ndarray, tensor: Any) -> Any:
    """The array as a tensor like the one that it replaces.

    Raises:
        ValueError: It has another shape.
    """
    if tuple(array.shape) != tuple(tensor.shape):
        raise ValueError(
            f"what is put at {key} has to have the shape {tuple(tensor.shape)}; received "
            f"{tuple(array.shape)}"
        )
    return tf.convert_to_tensor(array.astype(tensor.dtype.as_numpy_dtype))


@tf.custom_gradient
def put_instead(tensor: Any, value: Any) -> Any:
    """The value; the gradient goes to the tensor as if it had not been replaced."""
    return tf.identity(value), lambda gradient: (gradient, None)
