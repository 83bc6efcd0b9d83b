"""A layer's variables in canonical form: by canonical names and in canonical layouts.

Trap: a GRU's gates are in the order z r h, and with `reset_after` its bias has two rows; a
transposed convolution's kernel is [*space, out, in]; a depthwise one's is [*space, in, multiplier].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np

from .kinds import KINDS, cell_of, einsum_shape, kind_of_part

L = keras.layers

Turn = Callable[[np.ndarray], np.ndarray]


def as_is(array: np.ndarray) -> np.ndarray:
    """The same array: the layout in Keras is the canonical one."""
    return array


class Weight(NamedTuple):
    """One canonical array of a layer, and where it lies in Keras.

    Attributes:
        name: The canonical name.
        variable: The Keras variable.
        row: Which entry of the variable's first axis it is; None: it is the variable.
        turn: From Keras' layout to the canonical one.
        back: From the canonical layout to Keras'.
        trained: A parameter; otherwise a statistic.
    """

    name: str
    variable: Any
    row: int | None = None
    turn: Turn = as_is
    back: Turn = as_is
    trained: bool = True

    def of(self, tensor: Any) -> Any:
        """The part of a tensor that has the variable's shape, in Keras' layout."""
        return tensor if self.row is None else tensor[self.row]


def weights_of(layer: Any) -> list[Weight]:
    """The variables of a layer, by their canonical names; by its own where its kind is unknown."""
    kind = kind_of_part(layer)
    known = (
        WEIGHTS[kind](layer) if kind in WEIGHTS and layer.built and _is_readable(layer) else None
    )
    return (
        list(_own(layer))
        if known is None
        else [weight for weight in known if weight.variable is not None]
    )


def _is_readable(layer: Any) -> bool:
    """Whether its variables are the plain ones.

    Not quantized, and without a low-rank part beside the kernel.
    """
    return (
        not getattr(layer, "lora_enabled", False)
        and getattr(layer, "quantization_mode", None) is None
    )


def _own(layer: Any) -> Iterator[Weight]:
    taken: set[str] = set()
    for trained, variables in (
        (True, layer._trainable_variables),
        (False, layer._non_trainable_variables),
    ):
        for variable in variables:
            name = variable.name if variable.name not in taken else f"{variable.name}_{len(taken)}"
            taken.add(name)
            yield Weight(name, variable, trained=trained)


def _affine(layer: Any) -> list[Weight]:
    if isinstance(layer, L.TimeDistributed):
        return _affine(layer.layer)
    if isinstance(layer, L.Dense):
        return [Weight("weight", layer.kernel), Weight("bias", layer.bias)]
    shape = tuple(layer.kernel.shape)
    taken, _ = einsum_shape(layer) or (1, 1)
    flat = (int(np.prod(shape[:taken])), int(np.prod(shape[taken:])))
    kernel = Weight("weight", layer.kernel, turn=_shaped(flat), back=_shaped(shape))
    return [kernel, Weight("bias", layer.bias, turn=_shaped(flat[1:]), back=_shaped(shape[taken:]))]


def _convolution(layer: Any) -> list[Weight]:
    shape = tuple(layer.kernel.shape)
    bias = Weight("bias", layer.bias)
    if "Transpose" in _class_of(layer):
        return [Weight("weight", layer.kernel, turn=_swapped, back=_swapped), bias]
    if "Depthwise" in _class_of(layer):
        flat = (*shape[:-2], 1, shape[-2] * shape[-1])
        return [Weight("weight", layer.kernel, turn=_shaped(flat), back=_shaped(shape)), bias]
    return [Weight("weight", layer.kernel), bias]


def _batch_norm(layer: Any) -> list[Weight]:
    mean = Weight("mean", layer.moving_mean, trained=False)
    variance = Weight("variance", layer.moving_variance, trained=False)
    return [*_norm(layer), mean, variance]


def _norm(layer: Any) -> list[Weight]:
    return [Weight("scale", layer.gamma), Weight("shift", layer.beta)]


def _rms_norm(layer: Any) -> list[Weight]:
    return [Weight("scale", layer.scale)]


def _embedding(layer: Any) -> list[Weight]:
    return [Weight("weight", layer.embeddings)]


def _activation(layer: Any) -> list[Weight]:
    if not isinstance(layer, L.PReLU):
        return []
    shape = tuple(layer.alpha.shape)
    flat = (shape[-1],) if int(np.prod(shape[:-1])) == 1 else shape
    return [Weight("slope", layer.alpha, turn=_shaped(flat), back=_shaped(shape))]


def _recurrent(layer: Any) -> list[Weight] | None:
    if isinstance(layer, L.Bidirectional):
        return []
    kind = cell_of(layer)
    if kind is None:
        return None
    cell = getattr(layer, "cell", layer)
    order = (1, 0, 2) if kind == "gru" else tuple(range({"lstm": 4, "rnn": 1}[kind]))
    kernel = Weight("kernel", cell.kernel, turn=_gates(order), back=_joined(order))
    recurrent = Weight("recurrent", cell.recurrent_kernel, turn=_gates(order), back=_joined(order))
    return [kernel, recurrent, *_gate_biases(cell, kind, order)]


def _gate_biases(cell: Any, kind: str, order: tuple[int, ...]) -> list[Weight]:
    turn = _gates(order)
    back = _joined(order)
    if kind == "gru" and cell.reset_after and cell.bias is not None:
        return [
            Weight("bias", cell.bias, 0, turn, back),
            Weight("recurrent_bias", cell.bias, 1, turn, back),
        ]
    return [Weight("bias", cell.bias, None, turn, back)]


def _attention(layer: Any) -> list[Weight]:
    parts = {name: getattr(layer, f"_{name}_dense") for name in ("query", "key", "value")}
    parts["out"] = layer._output_dense
    kernels = [Weight(name, dense.kernel) for name, dense in parts.items()]
    return kernels + [Weight(f"{name}_bias", dense.bias) for name, dense in parts.items()]


def _class_of(layer: Any) -> str:
    return next(known.__name__ for known in KINDS["convolution"] if isinstance(layer, known))


def _shaped(shape: tuple[int, ...]) -> Turn:
    return lambda array: np.reshape(array, shape)


def _swapped(array: np.ndarray) -> np.ndarray:
    return np.swapaxes(array, -1, -2)


def _gates(order: tuple[int, ...]) -> Turn:
    """From [..., gate unit] to [gate, ..., unit]; `order` says where the gates lie in Keras."""
    return lambda array: np.stack([np.split(array, len(order), axis=-1)[gate] for gate in order])


def _joined(order: tuple[int, ...]) -> Turn:
    return lambda array: np.concatenate(
        [array[order.index(gate)] for gate in range(len(order))], axis=-1
    )


WEIGHTS: dict[str, Callable[[Any], list[Weight] | None]] = {
    "affine": _affine,
    "convolution": _convolution,
    "batch_norm": _batch_norm,
    "layer_norm": _norm,
    "group_norm": _norm,
    "rms_norm": _rms_norm,
    "embedding": _embedding,
    "activation": _activation,
    "recurrent": _recurrent,
    "attention": _attention,
}
