"""The network in Keras.

All seeds run at once, x [seed, batch, unit]. Batch norm works unit by unit: with the seeds' units side by side,
[batch, seed * unit], it works seed by seed. The hidden layers of a deep network are one Keras layer in a `tf.while_loop` over
TensorArrays, so that tracing does not grow with the depth (indexing the stacked weights by `tf.gather` would make the backward
pass quadratic in it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from backends.keras import activation, normalization
from backends.keras.arrays import Tensor
from common.countermeasures.activation import PReLU
from common.network import Network, stack_of

Tensors = dict[str, Tensor]

UNROLLED_DEPTH = 40
"""Up to this depth layers without batch norm are traced one after another, which makes a step faster by a fifth.

With batch norm, which is some 90 operations a layer, tracing them costs a second more than it saves in 200 steps.
"""


class HiddenLayer(keras.layers.Layer):
    """One hidden layer of all seeds side by side."""

    def __init__(self, spec: Network, seeds: int, dtype: str) -> None:
        super().__init__(dtype=dtype)
        self.spec, self.seeds = spec, seeds
        bias_axes = None if spec.normalized else "so"
        self.affine = keras.layers.EinsumDense("sbi,sio->sbo", (None, spec.width), bias_axes=bias_axes, dtype=dtype)
        constructor = normalization.build(spec.normalization)
        self.normalization = constructor(dtype=dtype) if constructor else None
        self.activation = activation.build(spec.activation, dtype)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the variables; their values are put in at each call."""
        self.affine.build(input_shape)
        if self.normalization:
            self.normalization.build((None, self.seeds * self.spec.width))
        self.activation.build((self.seeds, None, self.spec.width))

    def call(self, inputs: Tensor, training: bool) -> tuple[Tensor, Tensor]:
        """Pre-activation and output [seed, batch, width] of inputs [seed, batch, n_in]."""
        z = self.affine(inputs)
        if self.normalization:
            side_by_side = _swapped(z)
            flat = tf.reshape(side_by_side, (-1, self.seeds * self.spec.width))
            z = _swapped(tf.reshape(self.normalization(flat, training=training), side_by_side.shape))
        return z, self.activation(z)

    def named(self) -> dict[str, keras.Variable]:
        """The variables by our names."""
        variables = {"weight": self.affine.kernel, "bias": self.affine.bias}
        if self.normalization:
            norm = self.normalization
            variables |= {"scale": norm.gamma, "shift": norm.beta, "mean": norm.moving_mean, "variance": norm.moving_variance}
        if isinstance(self.spec.activation, PReLU):
            variables["slope"] = self.activation.alpha
        return {name: variable for name, variable in variables.items() if variable is not None}

    def apply(self, values: Tensors, x: Tensor, training: bool) -> Tensors:
        """The call with these values [seed, ...] in place of the variables: z, h, and the statistics after it by name."""
        named, ids = self.named(), {id(variable): name for name, variable in self.named().items()}
        trained, running = ([ids[id(v)] for v in vs] for vs in (self.trainable_variables, self.non_trainable_variables))
        ordered = [[tf.reshape(values[name], named[name].shape) for name in names] for names in (trained, running)]
        found: Any = self.stateless_call(*ordered, x, training=training)
        (z, h), after = found
        statistics = {name: tf.reshape(v, (self.seeds, self.spec.width)) for name, v in zip(running, after, strict=True)}
        return {"z": z, "h": h, **statistics}


@dataclass(frozen=True)
class Pass:
    """Logits [seed, batch, class], z and h [layer, seed, batch, width], statistics after the pass [seed, layer, width]."""

    logits: Tensor
    z: Tensor
    h: Tensor
    statistics: Tensors


class StackedNetwork:
    """The first hidden layer, the loop over the others, and the output layer."""

    def __init__(self, spec: Network, seeds: int, dtype: str) -> None:
        self.spec = spec
        self.first, self.hidden = HiddenLayer(spec, seeds, dtype), HiddenLayer(spec, seeds, dtype)
        self.first.build((seeds, None, spec.features))
        self.hidden.build((seeds, None, spec.width))
        self.output = keras.layers.EinsumDense("sbi,sio->sbo", (None, spec.classes), bias_axes="so", dtype=dtype)
        self.output.build((seeds, None, spec.width))

    def __call__(self, parameters: Tensors, statistics: Tensors, x: Tensor, signals: Tensor, training: bool) -> Pass:
        """Run x [seed, batch, features].

        Args:
            parameters: [seed, layer, ...] by name.
            statistics: [seed, layer, width] by name.
            x: The inputs.
            signals: [layer, seed, batch, width], added to the output of every hidden layer; zeros, whose gradient is that
                of the outputs.
            training: Whether batch norm uses the batch's moments.
        """
        values = parameters | statistics
        first = self.first.apply({name: a[:, 0] for name, a in stack_of(values, "first").items()}, x, training)
        hidden = self._hidden(stack_of(values, "hidden"), first["h"] + signals[0], signals[1:], training)
        z, h = (tf.concat([first.pop(name)[None], hidden.pop(name)], 0) for name in ("z", "h"))
        output = [parameters["output.weight"][:, 0], parameters["output.bias"]]
        logits: Any = self.output.stateless_call(output, [], hidden.pop("last"))[0]
        updated = {f"first.{name}": value[:, None] for name, value in first.items()}
        updated |= {f"hidden.{name}": _swapped(a) for name, a in hidden.items()}
        return Pass(logits, z, h, updated)

    def _hidden(self, stacked: Tensors, h: Tensor, signals: Tensor, training: bool) -> Tensors:
        """The hidden layers over stacked values [seed, layer, ...]: z, h and statistics [layer, ...], the last output."""
        by_layer = {name: _swapped(a) for name, a in stacked.items()}
        shallow = self.spec.depth <= UNROLLED_DEPTH and not self.spec.normalized
        run = self._unrolled if shallow else self._looped
        return run(by_layer, h, signals, training)

    def _unrolled(self, by_layer: Tensors, h: Tensor, signals: Tensor, training: bool) -> Tensors:
        """The layers one after another."""
        unstacked = {name: tf.unstack(a) for name, a in by_layer.items()}
        rows: list[Tensors] = []
        for i, signal in enumerate(tf.unstack(signals)):
            rows.append(self.hidden.apply({name: a[i] for name, a in unstacked.items()}, h, training))
            h = rows[-1]["h"] + signal
        return {name: tf.stack([row[name] for row in rows]) for name in rows[0]} | {"last": h}

    def _looped(self, by_layer: Tensors, h: Tensor, signals: Tensor, training: bool) -> Tensors:
        """The same as a `tf.while_loop`."""
        layers = self.spec.depth - 1
        arrays, perturbations = {name: _array_of(a) for name, a in by_layer.items()}, _array_of(signals)
        names = ("z", "h", "mean", "variance") if self.spec.normalized else ("z", "h")

        def body(i: Tensor, h: Tensor, collected: dict[str, tf.TensorArray]) -> tuple:
            row = self.hidden.apply({name: array.read(i) for name, array in arrays.items()}, h, training)
            h = tf.ensure_shape(row["h"] + perturbations.read(i), h.shape)
            return i + 1, h, {name: array.write(i, row[name]) for name, array in collected.items()}

        start = (0, h, {name: tf.TensorArray(h.dtype, layers) for name in names})
        _, h, collected = tf.while_loop(lambda i, *_: i < layers, body, start, maximum_iterations=layers, parallel_iterations=1)
        return {name: array.stack() for name, array in collected.items()} | {"last": h}


def _swapped(a: Tensor) -> Tensor:
    """The first two axes exchanged."""
    return tf.transpose(a, (1, 0, *range(2, len(a.shape))))


def _array_of(stacked: Tensor) -> tf.TensorArray:
    array = tf.TensorArray(stacked.dtype, stacked.shape[0], element_shape=stacked.shape[1:])
    return array.unstack(stacked)
