"""The network in Keras.

All seeds run at once, x [seed, batch, unit]; a single seed has no such axis, x [batch, unit]. Batch norm works unit by unit:
with the seeds' units side by side, [batch, seed * unit], it works seed by seed. A shallow network is traced layer by layer; a
deep one is a `tf.while_loop` over lists, so that tracing does not grow with the depth (indexing the stacked weights by
`tf.gather`, or reading them from a TensorArray, makes the backward pass quadratic in it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from backends.keras import activation, normalization
from backends.keras.arrays import Tensor, Tensors
from common.network import Network, stack_of

UNROLLED_DEPTH = 40
"""Up to this depth layers are traced one after another: a step takes a third of the loop's time, tracing up to twice its."""


class HiddenLayer:
    """One hidden layer; its numbers are given at each call."""

    def __init__(self, spec: Network, seeds: int, dtype: str) -> None:
        self.spec, self.seeds = spec, seeds
        constructor = normalization.build(spec.normalization)
        self.normalization = constructor(dtype=dtype) if constructor else None
        self.activation = activation.build(spec.activation, dtype)
        self.activation.build((seeds, None, spec.width) if seeds > 1 else (None, spec.width))

    def ready(self, name: str, a: Tensor) -> Tensor:
        """A parameter or statistic [layer, (seed,) ...] as the layers' arithmetic takes it; once, not in each layer."""
        match name.split(".")[1]:
            case "bias":
                return a[..., None, :]
            case "slope":
                return a[..., None, None]
            case "scale" | "shift" | "mean" | "variance":
                return tf.reshape(a, (a.shape[0], -1))
        return a

    def __call__(self, p: Tensors, x: Tensor, training: bool) -> Tensors:
        """Pre-activation z and output h [(seed,) batch, width] of x [(seed,) batch, n_in]; the batch's moments by name."""
        z, moments = tf.matmul(x, p["weight"]), {}
        if self.normalization:
            z, moments = self._normalized(z, p, training)
        else:
            z += p["bias"]
        return {"z": z, "h": self._activated(z, p), **moments}

    def _normalized(self, z: Tensor, p: Tensors, training: bool) -> tuple[Tensor, Tensors]:
        assert self.normalization is not None
        side_by_side = z if self.seeds == 1 else _swapped(z)
        flat = z if self.seeds == 1 else tf.reshape(side_by_side, (-1, self.seeds * self.spec.width))
        mean, variance = tf.nn.moments(flat, [0]) if training else (p["mean"], p["variance"])
        normalized = self.normalization.normalize(flat, mean, variance, p["scale"], p["shift"])
        if self.seeds > 1:
            normalized = _swapped(tf.reshape(normalized, side_by_side.shape))
        return normalized, {"mean": mean, "variance": variance}

    def _activated(self, z: Tensor, p: Tensors) -> Tensor:
        if "slope" not in p:
            return self.activation(z)
        found: Any = self.activation.stateless_call([p["slope"]], [], z)
        return found[0]


@dataclass(frozen=True)
class Pass:
    """What a forward pass leaves.

    Attributes:
        logits: [(seed,) batch, class].
        z: [layer, (seed,) batch, width].
        h: The same shape.
        statistics: After the pass, [(seed,) layer, width].
        sources: What to differentiate by for the gradient of the hidden outputs; together of h's shape.
    """

    logits: Tensor
    z: Tensor
    h: Tensor
    statistics: Tensors
    sources: list[Tensor]


class StackedNetwork:
    """The hidden layer, run `depth` times over stacked parameters, and the output layer."""

    def __init__(self, spec: Network, seeds: int, dtype: str) -> None:
        self.spec, self.layer_axis = spec, 1 if seeds > 1 else 0
        self.layer = HiddenLayer(spec, seeds, dtype)
        self.looped = spec.depth > UNROLLED_DEPTH

    def __call__(self, parameters: Tensors, statistics: Tensors, x: Tensor, training: bool, signals: Tensor = None) -> Pass:
        """Run x [(seed,) batch, features] by parameters and statistics [(seed,) layer, ...] by name.

        Args:
            parameters: By our names.
            statistics: By our names.
            x: The inputs.
            training: Whether batch norm uses the batch's moments.
            signals: What `no_signals` gives; only its gradient matters.
        """
        held = {name: self._layer_first(a) for name, a in (parameters | statistics).items()}
        by_layer = {name: self.layer.ready(name, a) for name, a in held.items()}
        first = self.layer({name: a[0] for name, a in stack_of(by_layer, "first").items()}, x, training)
        run = self._looped if self.looped else self._unrolled
        rows, last, sources = run(stack_of(by_layer, "hidden"), first, training, signals)
        logits = tf.matmul(last, by_layer["output.weight"][0]) + by_layer["output.bias"][0]
        return Pass(logits, rows["z"], rows["h"], self._running(statistics, rows) if training else statistics, sources)

    def _running(self, statistics: Tensors, moments: Tensors) -> Tensors:
        """The running statistics after a batch with the moments [layer, (seed and) width]."""
        if self.layer.normalization is None:
            return {}
        after = {}
        for name, old in statistics.items():
            stack, moment = name.split(".")
            new = moments[moment][:1] if stack == "first" else moments[moment][1:]
            new = self._layer_first(tf.reshape(new, self._layer_first(old).shape))
            after[name] = self.layer.normalization.running(old, new)
        return after

    def _layer_first(self, a: Tensor) -> Tensor:
        """The layer axis before the seeds', and back."""
        return _swapped(a) if self.layer_axis else a

    def no_signals(self, x: Tensor) -> Tensor:
        """Zeros [layer, (seed,) batch, width] that the loop adds to the outputs: there their gradient is out of reach."""
        return tf.zeros((self.spec.depth, *x.shape[:-1], self.spec.width), x.dtype) if self.looped else None

    def _unrolled(self, by_layer: Tensors, first: Tensors, training: bool, _: Tensor) -> tuple[Tensors, Tensor, list[Tensor]]:
        """The layers one after another: z, h and statistics [layer, ...], the last output, all outputs."""
        rows, unstacked = [first], {name: tf.unstack(a) for name, a in by_layer.items()}
        for values in zip(*unstacked.values(), strict=True):
            rows.append(self.layer(dict(zip(unstacked, values, strict=True)), rows[-1]["h"], training))
        outputs = [row["h"] for row in rows]
        return {name: tf.stack([row[name] for row in rows]) for name in first}, outputs[-1], outputs

    def _looped(
        self, by_layer: Tensors, first: Tensors, training: bool, signals: Tensor
    ) -> tuple[Tensors, Tensor, list[Tensor]]:
        """The same as a `tf.while_loop`."""
        signals = tf.zeros((self.spec.depth, *first["h"].shape), first["h"].dtype) if signals is None else signals
        stacks = by_layer | {"signal": signals[1:]}

        def body(i: Tensor, h: Tensor, left: Tensors, collected: Tensors) -> tuple:
            popped = {name: _popped(left[name], stack) for name, stack in stacks.items()}
            values = {name: value for name, (_, value) in popped.items()}
            row = self.layer(values, h, training)
            h = tf.ensure_shape(row["h"] + values["signal"], h.shape)
            return i + 1, h, {name: rest for name, (rest, _) in popped.items()}, _pushed(collected, row)

        depth = self.spec.depth
        empty = {name: _pile(tf.zeros((0, *a.shape), a.dtype)) for name, a in first.items()}
        loop = (1, first["h"] + signals[0], {name: _pile(stack) for name, stack in stacks.items()}, _pushed(empty, first))
        _, last, _, collected = tf.while_loop(
            lambda i, *_: i < depth, body, loop, maximum_iterations=depth, parallel_iterations=1
        )
        return {name: _stacked(pile, first[name], depth) for name, pile in collected.items()}, last, [signals]


def _pile(stacked: Tensor) -> Tensor:
    """A list of the layers, the first on top.

    To take one from it or to put one on it costs the same at any depth, and so does the gradient of that. The gradient of a
    TensorArray's `read` inside a loop adds a whole array for every layer.
    """
    return tf.raw_ops.TensorListFromTensor(tensor=tf.reverse(stacked, [0]), element_shape=stacked.shape[1:])


def _popped(pile: Tensor, stacked: Tensor) -> tuple[Tensor, Tensor]:
    """The rest of the list, and what was on top."""
    return tf.raw_ops.TensorListPopBack(input_handle=pile, element_shape=stacked.shape[1:], element_dtype=stacked.dtype)


def _pushed(piles: Tensors, row: Tensors) -> Tensors:
    """The lists with the tensors of one more layer, by name."""
    return {name: tf.raw_ops.TensorListPushBack(input_handle=pile, tensor=row[name]) for name, pile in piles.items()}


def _stacked(pile: Tensor, one: Tensor, count: int) -> Tensor:
    """A list as one tensor, in the order in which it was made."""
    shape = {"element_shape": one.shape, "element_dtype": one.dtype, "num_elements": count}
    return tf.raw_ops.TensorListStack(input_handle=pile, **shape)


def _swapped(a: Tensor) -> Tensor:
    """The first two axes exchanged."""
    return tf.transpose(a, (1, 0, *range(2, len(a.shape))))
