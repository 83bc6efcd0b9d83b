"""The network, as defined: forward, and backward by hand. Arrays are [seed, batch, unit]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from backends.numpy.block import Backward, Site, block
from backends.numpy.rounding import EXACT, Exact
from common.network import Arrays, Network, Stack, joined, stack_of


@dataclass(frozen=True)
class Pass:
    """A whole forward pass.

    Attributes:
        layers: What each left.
        measured: Those where the quantities are measured.
        logits: [seed, batch, output].
        statistics: After the pass, [seed, layer, ...] by name.
        ways: The way back through every layer, first layer first.
    """

    layers: list[Site]
    measured: list[Site]
    logits: np.ndarray
    statistics: Arrays
    ways: list[Backward]


class Definition:
    """The network with its hand-derived gradient."""

    def __init__(self, spec: Network, rounding: Exact = EXACT) -> None:
        self.r, self.stacks = rounding, spec.stacks()
        self.blocks = [block(stack.block, rounding) for stack in self.stacks]

    def forward(self, parameters: Arrays, x: np.ndarray, statistics: Arrays, training: bool = True) -> Pass:
        """Run the network; by the batch's statistics in training, by the given running ones in evaluation."""
        sites: dict[str, list[Site]] = {}
        ways: list[Backward] = []
        number = 0
        for stack, layer in zip(self.stacks, self.blocks, strict=True):
            sites[stack.name] = []
            for p in by_layer(parameters | statistics, stack):
                site = Site(number, training, p)
                x, way = layer(x, site)
                site.h = x
                ways.append(way)
                sites[stack.name].append(site)
                number += 1
        layers = [site for of_stack in sites.values() for site in of_stack]
        measured = [site for stack in self.stacks if stack.measured for site in sites[stack.name]]
        found = {name: stacked([site.statistics for site in of_stack]) for name, of_stack in sites.items()}
        return Pass(layers, measured, x, joined(found), ways)

    def backward(self, run: Pass, cotangent: np.ndarray) -> tuple[list[np.ndarray], Arrays]:
        """The gradient, given that of the logits.

        Returns:
            dL/dh_l of every site, the first layer's first, and the gradient of every parameter.
        """
        signals: list[np.ndarray] = []
        gradients: dict[str, Arrays] = {}
        ways = iter(reversed(run.ways))
        for stack in reversed(self.stacks):
            of_stack: list[Arrays] = []
            for _ in stack.layers:
                if stack.measured:
                    signals.insert(0, cotangent)
                cotangent, found = next(ways)(cotangent)
                of_stack.insert(0, found)
            gradients[stack.name] = stacked(of_stack)
        return signals, joined({stack.name: gradients[stack.name] for stack in self.stacks})


def by_layer(arrays: Arrays, stack: Stack) -> Iterator[Arrays]:
    """The arrays of each layer of a stack in order, [seed, ...] by their bare names."""
    of_stack = stack_of(arrays, stack.name)
    for layer in range(len(stack.layers)):
        yield {name: a[:, layer] for name, a in of_stack.items()}


def stacked(layers: list[Arrays]) -> Arrays:
    """The arrays of all layers of a stack, [seed, layer, ...] by their bare names."""
    return {name: np.stack([layer[name] for layer in layers], axis=1) for name in layers[0]}
