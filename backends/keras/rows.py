"""What passes through a loop over layers: rows of one width, one after the other."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

import tensorflow as tf

from backends.keras.arrays import Tensor, Tensors


class Rows(NamedTuple):
    """What the layers of a stack leave.

    Attributes:
        kept: By name, [layer, ...].
        last: The output of the last.
        sources: As those of a pass.
    """

    kept: Tensors
    last: Tensor
    sources: list[Tensor]


class Row(NamedTuple):
    """What a layer leaves, and what the next one gets of it.

    Its output, and what a step of time hands on beside it.
    """

    kept: Tensors
    carried: tuple[Tensor, ...]


def time_first(x: Tensor) -> Tensor:
    """A sequence [(seed,) batch, time, feature] as [time, (seed,) batch, feature]."""
    time = len(x.shape) - 2
    return tf.transpose(x, (time, *range(time), time + 1))


def by_width(parts: list[Tensor]) -> list[Tensor]:
    """Arrays [layer, ..., width], those of one width in a row put together."""
    runs = [list(run) for _, run in groupby(parts, key=lambda a: a.shape[-1])]
    return [run[0] if len(run) == 1 else tf.concat(run, 0) for run in runs]


def piled(stacked: Tensor) -> Tensor:
    """A list of the layers, the first on top.

    To take one from it or to put one on it costs the same at any depth, and so does the gradient of
    that. The gradient of a TensorArray's `read` inside a loop adds a whole array for every layer.
    """
    return tf.raw_ops.TensorListFromTensor(
        tensor=tf.reverse(stacked, [0]), element_shape=stacked.shape[1:]
    )


def taken_off(pile: Tensor, stacked: Tensor) -> tuple[Tensor, Tensor]:
    """The rest of the list, and what was on top."""
    return tf.raw_ops.TensorListPopBack(
        input_handle=pile, element_shape=stacked.shape[1:], element_dtype=stacked.dtype
    )


def put_on(piles: Tensors, row: Tensors) -> Tensors:
    """The lists with the tensors of one more layer, by name."""
    return {
        name: tf.raw_ops.TensorListPushBack(input_handle=pile, tensor=row[name])
        for name, pile in piles.items()
    }


def stacked_rows(pile: Tensor, one: Tensor, count: int) -> Tensor:
    """A list as one tensor, in the order in which it was made."""
    shape = {"element_shape": one.shape, "element_dtype": one.dtype, "num_elements": count}
    return tf.raw_ops.TensorListStack(input_handle=pile, **shape)
