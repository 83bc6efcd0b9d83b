"""Recurrent cells in Keras: a step by one product for all gates, and Keras' own layers with one bias a gate.

Trap: the order of the GRU's gates is update, reset, candidate, where PyTorch's is reset, update, candidate; and with
`reset_after=True` its bias has two rows, of which one is enough for two of the gates: trained both, their sum moves twice as
far. A constraint keeps it at 0; a norm over all gradients still counts it twice. The recurrent kernel starts orthogonal as one
matrix of all gates, [units, 4 units] of the LSTM, of which no gate's own part is orthogonal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

import keras
import numpy as np
import tensorflow as tf

from backends.keras import activation as activations
from backends.keras.arrays import Tensor, Tensors
from backends.keras.block import Block, Layer, Site
from common.countermeasures.activation import Activation
from common.countermeasures.recurrent import GRU, LSTM, Cell, SimpleRNN, Step
from common.network import Arrays

NATIVE = {"simple": "keras.layers.SimpleRNN", "lstm": "keras.layers.LSTM", "gru": "keras.layers.GRU"}

ORDERS = {
    "simple": ("output",),
    "lstm": ("input", "forget", "candidate", "output"),
    "gru": ("update", "reset", "candidate"),
}
"""In which order Keras has the gates of a kernel."""

Activate = Callable[[Tensor], Tensor]


def build(spec: Cell, activation: Any = "tanh", dtype: str = "float64") -> Callable[[int], keras.layers.Layer]:
    """A constructor, to be called with units, of a layer for x [batch, time, feature] that gives every output.

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
            return lambda units: keras.layers.LSTM(units, bias_initializer=start, unit_forget_bias=False, **own)
        case GRU():
            once: Any = OneBias()
            return lambda units: keras.layers.GRU(units, reset_after=True, bias_constraint=once, **own)
        case _:
            assert_never(spec)


class OneBias(keras.constraints.Constraint):
    """Of the GRU's two rows of biases the second is 0 but for the candidate's part."""

    def __call__(self, w: Tensor) -> Tensor:
        """The biases [2, gate unit] as they may be."""
        count = w.shape[1]
        candidate = tf.range(count) >= count - count // 3
        kept = tf.stack([tf.ones_like(candidate), candidate])
        return tf.where(kept, tf.convert_to_tensor(w), tf.zeros_like(w))


def forgetting(bias: float) -> Callable[..., Tensor]:
    """An initializer of the biases of an LSTM: 0, and the forget gate's a number."""

    def start(shape: tuple[int, ...], dtype: Any = None) -> Tensor:
        units = shape[0] // 4
        return tf.concat([tf.fill([n], tf.constant(a, dtype)) for n, a in ((units, 0.0), (units, bias), (2 * units, 0.0))], 0)

    return start


def step(spec: Cell, p: Tensors, pre: Tensors, carried: tuple[Tensor, ...], activate: Activate) -> tuple[Tensor, ...]:
    """What a step hands on, the output first.

    Args:
        spec: The cell.
        p: `recurrent_bias`, if the cell has one.
        pre: The maps of what goes in, with the bias, as `x`, and of the output before, as `h`: [(seed,) batch, gate unit].
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
            reset, z = tf.sigmoid(xr + hr), tf.sigmoid(xz + hz)
            n = activate(xn + reset * (hn + p["recurrent_bias"]))
            return ((1 - z) * n + z * carried[0],)
        case _:
            assert_never(spec)


class Cells(Layer):
    """One step of time of a layer of cells."""

    def __init__(self, spec: Step, seeds: int, dtype: str) -> None:
        self.spec, self.activate = spec.spec, Block(spec.inner, seeds, spec.units, dtype)

    def ready(self, name: str, a: Tensor) -> Tensor:
        """The gates side by side, [layer, (seed,) n_in, gate unit] and [layer, (seed,) 1, gate unit]."""
        match name:
            case "input_weight" | "weight":
                *outer, _, n_in, _ = a.shape
                axes = len(outer)
                swapped = tf.transpose(a, (*range(axes), axes + 1, axes, axes + 2))
                return tf.reshape(swapped, (*outer, n_in, -1))
            case "bias":
                *outer, gates, units = a.shape
                return tf.reshape(a, (*outer, 1, gates * units))
            case _:
                return a[..., None, :]

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


def native_arrays(spec: Cell, held: Arrays) -> list[np.ndarray]:
    """Our parameters by name as Keras' arrays: kernel, recurrent kernel and bias, the gates side by side in Keras' order."""
    order = [spec.gates.index(gate) for gate in ORDERS[spec.kind]]
    kernel, recurrent = (np.concatenate(held[name][order], axis=-1) for name in ("input_weight", "weight"))
    bias = held["bias"][order].reshape(-1)
    match spec:
        case SimpleRNN() | LSTM():
            return [kernel, recurrent, bias]
        case GRU():
            second = np.concatenate([np.zeros_like(bias[: -held["recurrent_bias"].size]), held["recurrent_bias"]])
            return [kernel, recurrent, np.stack([bias, second])]
        case _:
            assert_never(spec)


def our_arrays(spec: Cell, found: list[np.ndarray]) -> Arrays:
    """The inverse of `native_arrays`."""
    kernel, recurrent, bias = found
    order = [ORDERS[spec.kind].index(gate) for gate in spec.gates]
    count = len(order)
    kernels = {"input_weight": kernel, "weight": recurrent}
    by_gate = {name: np.stack(np.split(a, count, axis=-1))[order] for name, a in kernels.items()}
    match spec:
        case SimpleRNN() | LSTM():
            return by_gate | {"bias": bias.reshape(count, -1)[order]}
        case GRU():
            first, second = bias
            return by_gate | {"bias": first.reshape(count, -1)[order], "recurrent_bias": second.reshape(count, -1)[-1]}
        case _:
            assert_never(spec)


def probe(spec: Cell, inputs: Arrays, function: Activation) -> Arrays:
    """Outputs and gradients of what `build` gives over a sequence.

    Args:
        spec: The cell.
        inputs: `x` [batch, time, feature], `cotangent` [batch, time, unit] of the outputs, and the parameters of
            `common.countermeasures.recurrent.Step`.
        function: The activation.

    Returns:
        `value` [batch, time, unit]; `gradient` with respect to x; and that of every parameter, as `weight_gradient`.
    """
    x: Tensor = tf.constant(inputs["x"])
    module: Any = build(spec, activations.build(function, x.dtype.name), x.dtype.name)(inputs["weight"].shape[-1])
    module.build(x.shape)
    module.set_weights(native_arrays(spec, inputs))
    tape: Any
    with tf.GradientTape() as tape:
        tape.watch(x)
        value: Any = module(x)
    sources = [x, *(variable.value for variable in module.trainable_variables)]
    gradient, *found = tape.gradient(value, sources, tf.constant(inputs["cotangent"]))
    gradients = {f"{name}_gradient": a for name, a in our_arrays(spec, [a.numpy() for a in found]).items()}
    return {"value": value.numpy(), "gradient": gradient.numpy(), **gradients}


def native(spec: Cell) -> Callable[[int], keras.layers.Layer]:
    """What Keras ships under the name, with its own defaults: a constructor, to be called with units."""
    match spec:
        case SimpleRNN():
            return keras.layers.SimpleRNN
        case LSTM():
            return keras.layers.LSTM
        case GRU():
            return keras.layers.GRU
        case _:
            assert_never(spec)
