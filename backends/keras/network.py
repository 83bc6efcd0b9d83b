"""The network in Keras.

The seeds lie between batch and units, x [batch, seed, unit]: flattened to [batch, seed * unit], batch norm, which works unit by
unit, works seed by seed. The hidden layers are one Keras layer in a `tf.while_loop` over TensorArrays, so that tracing does
not grow with the depth (indexing the stacked weights by `tf.gather` would make the backward pass quadratic in it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from backends.keras import activation, normalization
from backends.keras.arrays import Tensor, rms
from common.countermeasures.activation import PReLU, open_interval
from common.network import Network, stack_of

Tensors = dict[str, Tensor]
MEASURED = ("activation_mean", "activation_rms", "dead_fraction")


class HiddenLayer(keras.layers.Layer):
    """One hidden layer of all seeds side by side; what it measures of itself comes out beside its output."""

    def __init__(self, spec: Network, seeds: int, dtype: str) -> None:
        super().__init__(dtype=dtype)
        self.spec, self.seeds = spec, seeds
        bias_axes = None if spec.normalized else "so"
        self.affine = keras.layers.EinsumDense("bsi,sio->bso", (seeds, spec.width), bias_axes=bias_axes, dtype=dtype)
        constructor = normalization.build(spec.normalization)
        self.normalization = constructor(dtype=dtype) if constructor else None
        self.activation = activation.build(spec.activation, dtype)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the variables; their values are put in at each call."""
        self.affine.build(input_shape)
        if self.normalization:
            self.normalization.build((None, self.seeds * self.spec.width))
        self.activation.build((None, self.seeds, self.spec.width))

    def call(self, inputs: Tensor, training: bool) -> tuple[Tensor, Tensor]:
        """Output [batch, seed, width] of inputs [batch, seed, n_in], and `MEASURED` [quantity, seed]."""
        z = self.affine(inputs)
        if self.normalization:
            flat = tf.reshape(z, (-1, self.seeds * self.spec.width))
            z = tf.reshape(self.normalization(flat, training=training), tf.shape(z))
        h = self.activation(z)
        alive = tf.reduce_any(self._alive(z), axis=0)
        dead = 1 - tf.reduce_mean(tf.cast(alive, z.dtype), axis=-1)
        return h, tf.stack([tf.reduce_mean(h, (0, 2)), rms(h, (0, 2)), dead])

    def _alive(self, z: Tensor) -> Tensor:
        """Where the activation's derivative is not 0."""
        if isinstance(self.spec.activation, PReLU):
            return (z > 0) | (tf.convert_to_tensor(self.activation.alpha) != 0)
        low, high = open_interval(self.spec.activation, z.dtype.name)
        return (z > low) & (z < high)

    def named(self) -> dict[str, keras.Variable]:
        """The variables by our names."""
        variables = {"weight": self.affine.kernel, "bias": self.affine.bias}
        if self.normalization:
            norm = self.normalization
            variables |= {"scale": norm.gamma, "shift": norm.beta, "mean": norm.moving_mean, "variance": norm.moving_variance}
        if isinstance(self.spec.activation, PReLU):
            variables["slope"] = self.activation.alpha
        return {name: variable for name, variable in variables.items() if variable is not None}

    def apply(self, values: Tensors, x: Tensor, training: bool) -> tuple[Tensor, Tensor, Tensors]:
        """Output, `MEASURED` and statistics after the call, with these values [seed, ...] in place of the variables."""
        named, ids = self.named(), {id(variable): name for name, variable in self.named().items()}
        trained, running = ([ids[id(v)] for v in vs] for vs in (self.trainable_variables, self.non_trainable_variables))
        ordered = [[tf.reshape(values[name], named[name].shape) for name in names] for names in (trained, running)]
        found: Any = self.stateless_call(*ordered, x, training=training)
        (h, measured), after = found
        shape = (self.seeds, self.spec.width)
        return h, measured, {name: tf.reshape(v, shape) for name, v in zip(running, after, strict=True)}


@dataclass(frozen=True)
class Pass:
    """Logits [batch, seed, class], `MEASURED` [layer, quantity, seed], statistics after the pass [seed, layer, width]."""

    logits: Tensor
    measured: Tensor
    statistics: Tensors


class StackedNetwork:
    """The first hidden layer, the loop over the others, and the output layer."""

    def __init__(self, spec: Network, seeds: int, dtype: str) -> None:
        self.spec = spec
        self.first, self.hidden = HiddenLayer(spec, seeds, dtype), HiddenLayer(spec, seeds, dtype)
        self.first.build((None, seeds, spec.features))
        self.hidden.build((None, seeds, spec.width))
        self.output = keras.layers.EinsumDense("bsi,sio->bso", (seeds, spec.classes), bias_axes="so", dtype=dtype)
        self.output.build((None, seeds, spec.width))

    def __call__(self, parameters: Tensors, statistics: Tensors, x: Tensor, signals: Tensor, training: bool) -> Pass:
        """Run x [batch, seed, features].

        Args:
            parameters: [seed, layer, ...] by name.
            statistics: [seed, layer, width] by name.
            x: The inputs.
            signals: [layer, batch, seed, width], added to the output of every hidden layer; zeros, whose gradient is that
                of the outputs.
            training: Whether batch norm uses the batch's moments.
        """
        values = parameters | statistics
        h, measured, after = self.first.apply({k: v[:, 0] for k, v in stack_of(values, "first").items()}, x, training)
        h, measured_hidden, after_hidden = self._scan(stack_of(values, "hidden"), h + signals[0], signals[1:], training)
        output = [parameters[f"output.{name}"][:, 0] for name in ("weight", "bias")]
        logits: Any = self.output.stateless_call(output, [], h)[0]
        updated = {f"first.{name}": value[:, None] for name, value in after.items()}
        updated |= {f"hidden.{name}": value for name, value in after_hidden.items()}
        return Pass(logits, tf.concat([measured[None], measured_hidden], 0), updated)

    def _scan(self, stacked: Tensors, h: Tensor, signals: Tensor, training: bool) -> tuple[Tensor, Tensor, Tensors]:
        """The hidden layers over stacked values [seed, layer, ...]: last output, `MEASURED`, statistics after the pass."""
        layers = self.spec.depth - 1
        by_layer = {name: _unstacked(tf.experimental.numpy.swapaxes(a, 0, 1)) for name, a in stacked.items()}
        perturbations = _unstacked(signals)
        collected = {name: tf.TensorArray(h.dtype, layers) for name in ("measured", "mean", "variance") if self._collects(name)}

        def layer(i: Tensor, h: Tensor, collected: dict[str, tf.TensorArray]) -> tuple:
            values = {name: array.read(i) for name, array in by_layer.items()}
            output, measured, after = self.hidden.apply(values, h, training)
            rows = {"measured": measured, **after}
            written = {name: array.write(i, rows[name]) for name, array in collected.items()}
            return i + 1, tf.ensure_shape(output + perturbations.read(i), h.shape), written

        _, h, collected = tf.while_loop(
            lambda i, *_: i < layers, layer, (0, h, collected), maximum_iterations=layers, parallel_iterations=1
        )
        found = {name: array.stack() for name, array in collected.items()}
        measured = found.pop("measured")
        return h, measured, {name: tf.experimental.numpy.swapaxes(a, 0, 1) for name, a in found.items()}

    def _collects(self, name: str) -> bool:
        return name == "measured" or self.spec.normalized


def _unstacked(stacked: Tensor) -> tf.TensorArray:
    array = tf.TensorArray(stacked.dtype, stacked.shape[0], element_shape=stacked.shape[1:])
    return array.unstack(stacked)
