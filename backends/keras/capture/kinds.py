"""What kind each of Keras' layers is; `other` where a subclass computes something of its own."""

from __future__ import annotations

from typing import Any

import keras

L = keras.layers

LINEAR = keras.activations.linear
"""As it was imported: under observation the module holds another."""

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
    if (
        isinstance(layer, L.TimeDistributed)
        and kind_of(layer.layer) == "affine"
        and is_linear(layer.layer)
    ):
        return "affine"
    if isinstance(layer, keras.Model) or (
        layer._layers and not ours(layer) and not own_variables(layer)
    ):
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
    """How many axes an `EinsumDense` takes away and gives.

    Where it is an affine layer over the last axes: `abc,cde->abde`.
    """
    left, output = layer.equation.replace("...", "").replace(" ", "").split("->")
    given, kernel = left.split(",")
    taken = [axis for axis in kernel if axis not in output]
    new = [axis for axis in kernel if axis in output]
    kept = given[: len(given) - len(taken)]
    plain = (
        list(kernel) == taken + new
        and given == kept + "".join(taken)
        and output == kept + "".join(new)
    )
    bias = layer.bias_axes in (None, "".join(new))
    return (len(taken), len(new)) if plain and bias and taken and new else None


def own_variables(layer: Any) -> list[Any]:
    """The variables that a layer holds itself, without those of the layers within it."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def kind_of_part(layer: Any) -> str:
    """The kind of a layer, or of a cell of several that are stacked."""
    return "recurrent" if type(layer) in CELLS else kind_of(layer)


def _is_plainly(layer: Any, kind: str) -> bool:
    """Whether its settings leave it what the others call by that kind."""
    if kind in ("layer_norm", "rms_norm"):
        return _last_axes(layer) and not getattr(layer, "rms_scaling", False)
    if kind == "recurrent":
        inner = layer.forward_layer if isinstance(layer, L.Bidirectional) else layer
        stacked = isinstance(getattr(inner, "cell", None), L.StackedRNNCells)
        return stacked or cell_of(inner) is not None
    if isinstance(layer, L.ReLU):
        capped = layer.max_value == 6 and not layer.negative_slope
        return not layer.threshold and (layer.max_value is None or capped)
    return True


def _last_axes(layer: Any) -> bool:
    """Whether it normalizes over the last axes, all of them and in their order."""
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    shape = (layer.get_build_config() or {}).get("input_shape") or ()
    from_the_end = [axis if axis < 0 else axis - len(shape) for axis in axes]
    return from_the_end == list(range(-len(axes), 0))
