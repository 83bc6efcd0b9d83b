"""Keras' layers in canonical form: what kind each is, and its variables by canonical names and in canonical layouts.

Trap: a GRU's gates are in the order z r h, and with `reset_after` its bias has two rows; a transposed convolution's kernel is
[*space, out, in]; a depthwise one's is [*space, in, multiplier].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

L = keras.layers

LINEAR = keras.activations.linear
"""As it was imported: under observation the module holds another."""

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


class Entry(NamedTuple):
    """A layer that owns variables: its path, the object, its kind and its variables."""

    path: str
    layer: Any
    kind: str
    weights: list[Weight]


KINDS: dict[str, tuple[type, ...]] = {
    "affine": (L.Dense,),
    "convolution": (
        *(L.Conv1D, L.Conv2D, L.Conv3D, L.Conv1DTranspose, L.Conv2DTranspose, L.Conv3DTranspose),
        *(L.DepthwiseConv1D, L.DepthwiseConv2D),
    ),
    "batch_norm": (L.BatchNormalization,),
    "layer_norm": (L.LayerNormalization,),
    "group_norm": (L.GroupNormalization,),
    "rms_norm": (L.RMSNormalization,),
    "activation": (L.Activation, L.ReLU, L.LeakyReLU, L.PReLU, L.ELU, L.Softmax),
    "pooling": (
        *(L.MaxPooling1D, L.MaxPooling2D, L.MaxPooling3D),
        *(L.AveragePooling1D, L.AveragePooling2D, L.AveragePooling3D),
    ),
    "global_pooling": (
        *(L.GlobalMaxPooling1D, L.GlobalMaxPooling2D, L.GlobalMaxPooling3D),
        *(L.GlobalAveragePooling1D, L.GlobalAveragePooling2D, L.GlobalAveragePooling3D),
    ),
    "embedding": (L.Embedding,),
    "recurrent": (L.SimpleRNN, L.LSTM, L.GRU, L.RNN, L.Bidirectional),
    "attention": (L.MultiHeadAttention,),
    "dropout": (
        *(L.Dropout, L.SpatialDropout1D, L.SpatialDropout2D, L.SpatialDropout3D),
        *(L.GaussianDropout, L.GaussianNoise, L.AlphaDropout),
    ),
    "add": (L.Add,),
    "multiply": (L.Multiply,),
    "concatenate": (L.Concatenate,),
    "flatten": (L.Flatten,),
    "reshape": (L.Reshape,),
    "transpose": (L.Permute,),
}

CELLS = {L.LSTMCell: "lstm", L.GRUCell: "gru", L.SimpleRNNCell: "rnn"}


def ours(layer: Any) -> bool:
    """Whether it is one of Keras' own classes, and not somebody's subclass of one."""
    return type(layer).__module__.split(".")[0] == "keras"


def kind_of(layer: Any) -> str:
    """The kind of a layer; `other` of a subclass that computes something of its own."""
    for kind, classes in KINDS.items():
        for known in classes:
            if isinstance(layer, known) and type(layer).call is known.call:
                return kind if _is_plainly(layer, kind) else "other"
    if isinstance(layer, L.EinsumDense) and einsum_shape(layer) is not None:
        return "affine"
    if isinstance(layer, L.TimeDistributed) and kind_of(layer.layer) == "affine" and is_linear(layer.layer):
        return "affine"
    if isinstance(layer, keras.Model) or (layer._layers and not ours(layer) and not own_variables(layer)):
        return "container"
    return "other"


def is_linear(layer: Any) -> bool:
    """Whether a layer has no inner activation."""
    activation = getattr(layer, "activation", None)
    return activation is None or activation is LINEAR


def cell_of(layer: Any) -> str | None:
    """The kind of cell of a recurrent layer, where it is a known one."""
    cell = layer if isinstance(layer, tuple(CELLS)) else getattr(layer, "cell", None)
    return CELLS.get(type(cell)) if cell is not None else None


def einsum_shape(layer: Any) -> tuple[int, int] | None:
    """How many axes an `EinsumDense` takes away and gives, where it is an affine layer over the last axes: `abc,cde->abde`."""
    left, output = layer.equation.replace("...", "").replace(" ", "").split("->")
    given, kernel = left.split(",")
    taken = [axis for axis in kernel if axis not in output]
    new = [axis for axis in kernel if axis in output]
    kept = given[: len(given) - len(taken)]
    plain = list(kernel) == taken + new and given == kept + "".join(taken) and output == kept + "".join(new)
    bias = layer.bias_axes in (None, "".join(new))
    return (len(taken), len(new)) if plain and bias and taken and new else None


def own_variables(layer: Any) -> list[Any]:
    """The variables that a layer holds itself, without those of the layers within it."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def entries(where: Mapping[int, str], layers: list[Any]) -> list[Entry]:
    """Each layer that owns variables, in the given order; a variable that two of them share is the first one's."""
    claimed: set[int] = set()
    found = []
    for path, layer in _parts(layers, where):
        weights = [weight for weight in weights_of(layer) if id(weight.variable) not in claimed]
        claimed.update(id(weight.variable) for weight in weights)
        if weights:
            found.append(Entry(path, layer, _kind_of_part(layer), weights))
    return found


def weights_of(layer: Any) -> list[Weight]:
    """The variables of a layer, by their canonical names; by the layer's own where its kind is not known."""
    kind = _kind_of_part(layer)
    known = WEIGHTS[kind](layer) if kind in WEIGHTS and layer.built and _is_readable(layer) else None
    return list(_own(layer)) if known is None else [weight for weight in known if weight.variable is not None]


def _is_plainly(layer: Any, kind: str) -> bool:
    match kind:
        case "layer_norm" | "rms_norm":
            return _last_axes(layer) and not getattr(layer, "rms_scaling", False)
        case "recurrent":
            inner = layer.forward_layer if isinstance(layer, L.Bidirectional) else layer
            return cell_of(inner) is not None or isinstance(getattr(inner, "cell", None), L.StackedRNNCells)
        case "activation" if isinstance(layer, L.ReLU):
            return not layer.threshold and (layer.max_value is None or (layer.max_value == 6 and not layer.negative_slope))
        case _:
            return True


def _last_axes(layer: Any) -> bool:
    """Whether it normalizes over the last axes, all of them and in their order."""
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    shape = (layer.get_build_config() or {}).get("input_shape") or ()
    from_the_end = [axis if axis < 0 else axis - len(shape) for axis in axes]
    return from_the_end == list(range(-len(axes), 0))


def _is_readable(layer: Any) -> bool:
    """Whether its variables are the plain ones: not quantized, and without a low-rank part beside the kernel."""
    return not getattr(layer, "lora_enabled", False) and getattr(layer, "quantization_mode", None) is None


def _kind_of_part(layer: Any) -> str:
    return "recurrent" if type(layer) in CELLS else kind_of(layer)


def _parts(layers: list[Any], where: Mapping[int, str]) -> Iterator[tuple[str, Any]]:
    """The layers that own variables; of stacked cells each, of both directions each; not what is inside of a known one."""
    inside: set[int] = set()
    for layer in layers:
        cells = _stacked(layer)
        if cells:
            inside.update(id(part) for part in _below(layer))
            yield from ((f"{where[id(layer)]}[{index}]", cell) for index, cell in enumerate(cells))
        elif weights_within(layer):
            inside.update(id(part) for part in _below(layer))
            yield where[id(layer)], layer
    for layer in layers:
        if id(layer) not in inside and not weights_within(layer) and not _stacked(layer):
            yield where[id(layer)], layer


def weights_within(layer: Any) -> bool:
    """Whether the layer's canonical weights are those of the layers that it holds."""
    if isinstance(layer, L.Bidirectional):
        return False
    return bool(layer._layers) and kind_of(layer) in WEIGHTS and not _stacked(layer)


def _stacked(layer: Any) -> list[Any]:
    cells = getattr(getattr(layer, "cell", None), "cells", [])
    return list(cells) if all(type(cell) in CELLS for cell in cells) else []


def _below(layer: Any) -> Iterator[Any]:
    for child in layer._layers:
        yield child
        yield from _below(child)


def _own(layer: Any) -> Iterator[Weight]:
    taken: set[str] = set()
    for trained, variables in ((True, layer._trainable_variables), (False, layer._non_trainable_variables)):
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
    turn, back = _gates(order), _joined(order)
    if kind == "gru" and cell.reset_after and cell.bias is not None:
        return [Weight("bias", cell.bias, 0, turn, back), Weight("recurrent_bias", cell.bias, 1, turn, back)]
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
    """From [..., gate unit] to [gate, ..., unit]; `order` says where the canonical gates lie in Keras."""
    return lambda array: np.stack([np.split(array, len(order), axis=-1)[gate] for gate in order])


def _joined(order: tuple[int, ...]) -> Turn:
    return lambda array: np.concatenate([array[order.index(gate)] for gate in range(len(order))], axis=-1)


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
