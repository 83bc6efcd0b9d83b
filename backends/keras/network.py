"""The network in Keras.

All seeds run at once, x [seed, batch, unit]; a single seed has no such axis, x [batch, unit]. A
shallow network is traced layer by layer; in a deep one each stack is a `tf.while_loop` over lists,
so that tracing does not grow with the depth (indexing the stacked weights by `tf.gather`, or
reading them from a TensorArray, makes the backward pass quadratic in it). The steps of time of a
recurrent stack are layers that share their weights, and get an input each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import tensorflow as tf

from backends.keras.arrays import Tensor, Tensors, swapped
from backends.keras.block import Block, Site
from backends.keras.rows import (
    Row,
    Rows,
    by_width,
    piled,
    put_on,
    stacked_rows,
    taken_off,
    time_first,
)
from common.network import Network
from common.stack import Stack, stack_of

UNROLLED_DEPTH = 40
"""Up to this depth layers are traced one after another: a step takes a third of the loop's time,
tracing up to twice its."""


GIVEN = "x"
"""Among what a layer has of its own: the input of a step of time."""


@dataclass(frozen=True)
class Pass:
    """What a forward pass leaves.

    Attributes:
        logits: [(seed,) batch, class].
        h: [layer, (seed,) batch, width], of the layers where the quantities are measured, for those
            of one width in a row.
        tells: The same for each of their stacks, from which the activation's dead units are known;
            None where it has none.
        statistics: After the pass, [(seed,) layer, width].
        sources: What to differentiate by for the gradient of h: outputs [(seed,) batch, width], or
            all those of a loop.
    """

    logits: Tensor
    h: list[Tensor]
    tells: list[Tensor | None]
    statistics: Tensors
    sources: list[Tensor]


OneLayer = Callable[[Tensors, tuple[Tensor, ...]], Row]
"""From what is a layer's own, and what it gets of the one before."""


class StackedNetwork:
    """The stacks of layers, each a block run over stacked parameters."""

    def __init__(self, spec: Network, seeds: int, dtype: str) -> None:
        self.stacks = spec.stacks()
        self.layer_axis = 1 if seeds > 1 else 0
        self.blocks = {
            stack.name: Block(stack.block, seeds, stack.inputs, dtype) for stack in self.stacks
        }
        deep = len(spec.sites) > UNROLLED_DEPTH
        self.in_a_loop = [stack.name for stack in self.stacks if deep and len(stack.layers) > 1]
        self.looped = bool(self.in_a_loop)

    def __call__(
        self, parameters: Tensors, statistics: Tensors, x: Tensor, training: bool, signals: Tensors
    ) -> Pass:
        """Run x [(seed,) batch, feature] by parameters and statistics [(seed,) layer, ...] by name.

        Args:
            parameters: By our names.
            statistics: By our names.
            x: The inputs, [(seed,) batch, time, features] of a recurrent network.
            training: Whether batch norm uses the batch's moments.
            signals: What `no_signals` gives, or nothing; only its gradient matters.
        """
        rows: dict[str, Rows] = {}
        for stack in self.stacks:
            block = self.blocks[stack.name]
            held = stack_of(parameters | statistics, stack.name)
            by_layer = {
                name: block.owners[name].ready(name, self._layer_first(a))
                for name, a in held.items()
            }
            fixed = {}
            carried = (x,)
            if stack.recurrent:
                fixed = {name: a[0] for name, a in by_layer.items()}
                by_layer = {GIVEN: time_first(x)}
                carried = tuple(
                    tf.zeros((*x.shape[:-2], units), x.dtype) for units in stack.carried
                )
            run = self._looped if stack.name in self.in_a_loop else self._unrolled
            layer = partial(self._layer, stack, fixed, training)
            rows[stack.name] = run(stack, layer, by_layer, carried, signals.get(stack.name))
            x = rows[stack.name].last
        sites = [rows[stack.name] for stack in self.stacks if stack.measured]
        h = by_width([row.kept["h"] for row in sites])
        tells = [row.kept.get("tells") for row in sites]
        after = self._running(statistics, rows) if training else statistics
        return Pass(x, h, tells, after, [source for row in sites for source in row.sources])

    def _running(self, statistics: Tensors, rows: dict[str, Rows]) -> Tensors:
        """The running statistics after a batch."""
        after = {}
        for key, old in statistics.items():
            stack, _, name = key.partition(".")
            moments = rows[stack].kept[name]
            new = self._layer_first(tf.reshape(moments, self._layer_first(old).shape))
            after[key] = self.blocks[stack].owners[name].running(old, new)
        return after

    def _layer_first(self, a: Tensor) -> Tensor:
        """The layer axis before the seeds', and back."""
        return swapped(a) if self.layer_axis else a

    def no_signals(self, x: Tensor) -> Tensors:
        """Zeros [layer, (seed,) batch, width] that each loop adds to its outputs.

        There their gradient is out of reach.
        """
        of_loops = [stack for stack in self.stacks if stack.name in self.in_a_loop]
        samples = x.shape[: 1 + self.layer_axis]
        return {
            stack.name: tf.zeros((len(stack.layers), *samples, stack.outputs), x.dtype)
            for stack in of_loops
        }

    def signals(self, found: list[Tensor]) -> list[Tensor]:
        """The gradients by the sources of a pass.

        They are [layer, (seed,) batch, width] for one width in a row each.
        """
        if not self.looped:
            return [tf.stack(list(run)) for _, run in groupby(found, key=lambda a: a.shape[-1])]
        one = 2 + self.layer_axis
        return by_width([a if len(a.shape) > one else a[None] for a in found])

    def _layer(
        self,
        stack: Stack,
        fixed: Tensors,
        training: bool,
        own: Tensors,
        carried: tuple[Tensor, ...],
    ) -> Row:
        """One layer, by the parameters that all share and its own.

        A step of time gets an input among these.
        """
        site = Site(training, carried=carried)
        h = self.blocks[stack.name](fixed | own, own.get(GIVEN, carried[0]), site)
        return Row(site.kept | {"h": h}, site.carried if stack.recurrent else (h,))

    def _unrolled(
        self,
        stack: Stack,
        layer: OneLayer,
        by_layer: Tensors,
        carried: tuple[Tensor, ...],
        _: Tensor,
    ) -> Rows:
        """The layers one after another."""
        kept: list[Tensors] = []
        unstacked = {name: tf.unstack(a) for name, a in by_layer.items()}
        for values in zip(*unstacked.values(), strict=True):
            row, carried = layer(dict(zip(unstacked, values, strict=True)), carried)
            kept.append(row)
        by_output = all(row.get("tells") is row["h"] for row in kept)
        stacked = {
            name: tf.stack([row[name] for row in kept])
            for name in kept[0]
            if not (by_output and name == "tells")
        }
        return Rows(
            stacked | ({"tells": stacked["h"]} if by_output else {}),
            carried[0],
            [row["h"] for row in kept],
        )

    def _looped(
        self,
        stack: Stack,
        layer: OneLayer,
        by_layer: Tensors,
        carried: tuple[Tensor, ...],
        signals: Tensor,
    ) -> Rows:
        """The same as a `tf.while_loop`; the first layer, run before it, says what to collect."""
        first, carried = layer({name: a[0] for name, a in by_layer.items()}, carried)
        depth = len(stack.layers)
        signals = (
            tf.zeros((depth, *first["h"].shape), first["h"].dtype) if signals is None else signals
        )
        left = {name: a[1:] for name, a in (by_layer | {"signal": signals}).items()}

        def body(
            i: Tensor, carried: tuple[Tensor, ...], left: Tensors, collected: Tensors
        ) -> tuple:
            popped = {name: taken_off(left[name], a) for name, a in by_layer.items()}
            popped["signal"] = taken_off(left["signal"], signals)
            values = {name: value for name, (_, value) in popped.items()}
            signal = values.pop("signal")
            row, after = layer(values, carried)
            after = (after[0] + signal, *after[1:])
            after = tuple(
                tf.ensure_shape(a, before.shape) for a, before in zip(after, carried, strict=True)
            )
            return (
                i + 1,
                after,
                {name: rest for name, (rest, _) in popped.items()},
                put_on(collected, row),
            )

        empty = {name: piled(tf.zeros((0, *a.shape), a.dtype)) for name, a in first.items()}
        begin = (carried[0] + signals[0], *carried[1:])
        loop = (1, begin, {name: piled(a) for name, a in left.items()}, put_on(empty, first))
        _, last, _, collected = tf.while_loop(
            lambda i, *_: i < depth, body, loop, maximum_iterations=depth, parallel_iterations=1
        )
        return Rows(
            {name: stacked_rows(pile, first[name], depth) for name, pile in collected.items()},
            last[0],
            [signals],
        )
