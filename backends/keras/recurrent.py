"""Recurrent cells in Keras: a step by one product for all gates.

Keras' own layers are taken with one bias a gate.

Trap: the order of the GRU's gates is update, reset, candidate, where PyTorch's is reset, update,
candidate; and with `reset_after=True` its bias has two rows, of which one is enough for two of the
gates: trained both, their sum moves twice as far, and a norm counts it twice. A cell with one bias
is to be written. The recurrent kernel starts orthogonal as one matrix of all gates, [units, 4
units] of the LSTM, of which no gate's own part is orthogonal.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, assert_never

import keras
import tensorflow as tf

from backends.keras import activation as activations
from backends.keras.arrays import Tensor, Tensors, to_numpy
from backends.keras.block import Block, Layer, Site
from common.countermeasures.activation import Activation
from common.countermeasures.recurrent import GRU, LSTM, Cell, SimpleRNN, Step
from common.network import Arrays
from common.placement import Kept, Placed, of_part, side_by_side, together

NATIVE = {
    "simple": "keras.layers.SimpleRNN",
    "lstm": "keras.layers.LSTM",
    "gru": "keras.layers.GRU",
}


def _placed(*gates: str) -> Placed:
    """Keras' [n_in, gate unit], with the gates in this order."""
    return {
        "input_weight": side_by_side("cell.kernel", gates, -1),
        "weight": side_by_side("cell.recurrent_kernel", gates, -1),
        "bias": side_by_side("cell.bias", gates, -1),
    }


PARAMETERS: dict[str, Placed] = {
    "simple": _placed("output"),
    "lstm": _placed("input", "forget", "candidate", "output"),
    "gru": {
        **_placed("update", "reset", "candidate"),
        "recurrent_bias": Kept("cell.recurrent_bias"),
    },
}
"""In what `build` gives."""

Activate = Callable[[Tensor], Tensor]


def build(
    spec: Cell, activation: Any = "tanh", dtype: str = "float64"
) -> Callable[[int], keras.layers.Layer]:
    """A constructor by units of a layer for x [batch, time, feature] that gives every output.

    Args:
        spec: The cell.
        activation: A name that Keras knows, or a layer.
        dtype: Of the arithmetic and of the parameters.
    """
    own: Any = {"activation": activation, "return_sequences": True, "dtype": dtype}
    match spec:
        case SimpleRNN():
            return lambda units: keras.layers.SimpleRNN(units, **own)
        case LSTM(forget_bias=bias):
            start: Any = forgetting(bias)
            return lambda units: keras.layers.LSTM(
                units, bias_initializer=start, unit_forget_bias=False, **own
            )
        case GRU():
            return lambda units: _over_time(
                OneBiasCell(units, activation=activation, use_bias=False, dtype=dtype), dtype
            )
        case _:
            assert_never(spec)


def _over_time(cell: keras.layers.Layer, dtype: str) -> keras.layers.RNN:
    """A cell of one's own over a sequence; it gives every output."""
    return keras.layers.RNN(cell, return_sequences=True, dtype=dtype)


class OneBiasCell(keras.layers.GRUCell):
    """The cell of a GRU with one bias a gate, and the candidate's second one, as own variables."""

    def build(self, input_shape: tuple[int, ...]) -> None:
        """The two kernels as Keras has them, and the biases."""
        super().build(input_shape)
        self.bias = self.add_weight(shape=(3 * self.units,), name="bias", initializer="zeros")
        self.recurrent_bias = self.add_weight(
            shape=(self.units,), name="recurrent_bias", initializer="zeros"
        )

    def call(
        self, inputs: Tensor, states: list[Tensor], training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        """The output for x [batch, feature], and the state after it."""
        (h,) = states
        xz, xr, xn = tf.split(tf.matmul(inputs, self.kernel) + self.bias, 3, -1)
        hz, hr, hn = tf.split(tf.matmul(h, self.recurrent_kernel), 3, -1)
        update = tf.sigmoid(xz + hz)
        reset = tf.sigmoid(xr + hr)
        n: Tensor = self.activation(xn + reset * (hn + self.recurrent_bias))
        after = (1 - update) * n + update * h
        return after, [after]


def forgetting(bias: float) -> Callable[..., Tensor]:
    """An initializer of the biases of an LSTM: 0, and the forget gate's a number."""

    def start(shape: tuple[int, ...], dtype: Any = None) -> Tensor:
        units = shape[0] // 4
        return tf.concat(
            [
                tf.fill([n], tf.constant(a, dtype))
                for n, a in ((units, 0.0), (units, bias), (2 * units, 0.0))
            ],
            0,
        )

    return start


def module(
    spec: Step, units: int, inner: keras.layers.Layer, dtype: str = "float64"
) -> keras.layers.Layer:
    """The cells as a part of a model, for x [batch, time, feature]; the last output goes on."""
    (function,) = spec.inner
    layer = build(spec.spec, activations.build(function, dtype), dtype)(spec.units)
    layer.return_sequences = False
    return layer


def step(
    spec: Cell, p: Tensors, pre: Tensors, carried: tuple[Tensor, ...], activate: Activate
) -> tuple[Tensor, ...]:
    """What a step hands on, the output first.

    Args:
        spec: The cell.
        p: `recurrent_bias`, if the cell has one.
        pre: The maps of what goes in, with the bias, as `x`, and of the output before, as `h`:
            [(seed,) batch, gate unit].
        carried: What the step before handed on.
        activate: The activation.
    """
    match spec:
        case SimpleRNN():
            return (activate(pre["x"] + pre["h"]),)
        case LSTM():
            i, f, g, o = tf.split(pre["x"] + pre["h"], 4, -1)
            kept = tf.sigmoid(f) * carried[1] + tf.sigmoid(i) * activate(g)
            return tf.sigmoid(o) * activate(kept), kept
        case GRU():
            (xr, xz, xn), (hr, hz, hn) = (tf.split(pre[name], 3, -1) for name in ("x", "h"))
            reset = tf.sigmoid(xr + hr)
            z = tf.sigmoid(xz + hz)
            n = activate(xn + reset * (hn + p["recurrent_bias"]))
            return ((1 - z) * n + z * carried[0],)
        case _:
            assert_never(spec)


class Cells(Layer):
    """One step of time of a layer of cells."""

    def __init__(self, spec: Step, seeds: int, dtype: str) -> None:
        self.spec = spec.spec
        self.activate = Block(spec.inner, seeds, spec.units, dtype)

    def ready(self, name: str, a: Tensor) -> Tensor:
        """Gates side by side: [layer, (seed,) n_in, gate unit], [layer, (seed,) 1, gate unit]."""
        match name:
            case "input_weight" | "weight":
                *outer, _, n_in, _ = a.shape
                swapped = tf.einsum("...gnu->...ngu", a)
                return tf.reshape(swapped, (*outer, n_in, -1))
            case "bias":
                return tf.reshape(a, (*a.shape[:-2], 1, -1))
            case "recurrent_bias":
                return a[..., None, :]
            case _:
                raise KeyError(name)

    def __call__(self, p: Tensors, x: Tensor, site: Site) -> Tensor:
        """The output for x [(seed,) batch, feature]."""
        pre = {
            "x": tf.matmul(x, p["input_weight"]) + p["bias"],
            "h": tf.matmul(site.carried[0], p["weight"]),
        }
        site.carried = step(self.spec, p, pre, site.carried, lambda z: self.activate(p, z, site))
        return site.carried[0]


def layer(spec: Step, seeds: int, units: int, dtype: str) -> Cells:
    """One step of x [(seed,) batch, feature]."""
    return Cells(spec, seeds, dtype)


def probe(spec: Cell, inputs: Arrays, function: Activation) -> Arrays:
    """Outputs and gradients of what `build` gives over a sequence.

    Args:
        spec: The cell.
        inputs: `x` [batch, time, feature], `cotangent` [batch, time, unit] of the outputs, and the
            parameters of `common.countermeasures.recurrent.Step`.
        function: The activation.

    Returns:
        `value` [batch, time, unit]; `gradient` with respect to x; and that of every parameter, as
        `weight_gradient`.
    """
    x: Tensor = tf.constant(inputs["x"])
    units = inputs["weight"].shape[-1]
    cells: Any = build(spec, activations.build(function, x.dtype.name), x.dtype.name)(units)
    cells.build(x.shape)
    placed = of_part(Step(spec, units, (function,)), x.shape[-1], PARAMETERS[spec.kind])
    variables = {place: attrgetter(place.kept.name)(cells) for place in placed}
    for place, variable in variables.items():
        variable.assign(place.kept.put(to_numpy(variable.value), inputs[place.name][place.at[1:]]))
    tape: Any
    with tf.GradientTape() as tape:
        tape.watch(x)
        value: Any = cells(x)
    sources = [x, *(variable.value for variable in variables.values())]
    gradient, *found = tape.gradient(value, sources, tf.constant(inputs["cotangent"]))
    of_places = dict(zip(placed, found, strict=True))
    ours = together(placed, lambda place: to_numpy(of_places[place]))
    gradients = {f"{name}_gradient": a[0] for name, a in ours.items()}
    return {"value": value.numpy(), "gradient": gradient.numpy(), **gradients}


def native(spec: Cell) -> Callable[[int], keras.layers.Layer]:
    """What Keras ships under the name, with its own defaults: a constructor, called with units."""
    match spec:
        case SimpleRNN():
            return keras.layers.SimpleRNN
        case LSTM():
            return keras.layers.LSTM
        case GRU():
            return keras.layers.GRU
        case _:
            assert_never(spec)
