"""The network, as defined: forward, and backward by hand. Arrays are [seed, batch, unit]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from backends.numpy.block import Backward, Layer, Site, block
from backends.numpy.rounding import EXACT, Exact
from common.network import Arrays, Network
from common.stack import Stack, joined, stack_of


class Run(NamedTuple):
    """A pass through a stack: what each layer left, and the way back, first layer first."""

    sites: list[Site]
    ways: list[Backward]

    def keep(self, site: Site, passed: tuple[np.ndarray, Backward]) -> None:
        """Add a layer, and what it gave."""
        site.h, way = passed
        self.sites.append(site)
        self.ways.append(way)


@dataclass(frozen=True)
class Pass:
    """A whole forward pass.

    Attributes:
        layers: What each left.
        measured: Those where the quantities are measured.
        logits: [seed, batch, output].
        statistics: After the pass, [seed, layer, ...] by name.
        runs: Of each stack.
    """

    layers: list[Site]
    measured: list[Site]
    logits: np.ndarray
    statistics: Arrays
    runs: list[Run]


class Back(NamedTuple):
    """What a stack gives on the way back.

    Attributes:
        signals: The gradient of the output of each layer, first layer first.
        cotangent: That of what went into the stack.
        gradients: Those of the parameters, [seed, layer, ...] by their bare names.
    """

    signals: list[np.ndarray]
    cotangent: np.ndarray
    gradients: Arrays


class Definition:
    """The network with its hand-derived gradient."""

    def __init__(self, spec: Network, rounding: Exact = EXACT) -> None:
        self.r = rounding
        self.stacks = spec.stacks()
        self.blocks = [block(stack.block, rounding) for stack in self.stacks]

    def forward(
        self, parameters: Arrays, x: np.ndarray, statistics: Arrays, training: bool = True
    ) -> Pass:
        """Run the network.

        By the batch's statistics in training, by the given running ones in evaluation.
        """
        runs: list[Run] = []
        for stack, layer in zip(self.stacks, self.blocks, strict=True):
            before = sum(len(run.sites) for run in runs)
            sets = list(by_layer(parameters | statistics, stack))
            if stack.recurrent:
                runs.append(through_time(stack.carried, layer, sets[0], x, before, training))
            else:
                runs.append(_through_layers(layer, sets, x, before, training))
            x = runs[-1].sites[-1].h
        named = list(zip(self.stacks, runs, strict=True))
        layers = [site for run in runs for site in run.sites]
        measured = [site for stack, run in named if stack.measured for site in run.sites]
        found = {
            stack.name: stacked([site.statistics for site in run.sites]) for stack, run in named
        }
        return Pass(layers, measured, x, joined(found), runs)

    def backward(self, run: Pass, cotangent: np.ndarray) -> tuple[list[np.ndarray], Arrays]:
        """The gradient, given that of the logits.

        Returns:
            dL/dh_l of every site, the first layer's first, and the gradient of every parameter.
        """
        signals: list[np.ndarray] = []
        gradients: dict[str, Arrays] = {}
        for stack, of_stack in reversed(list(zip(self.stacks, run.runs, strict=True))):
            if stack.recurrent:
                outputs = [np.zeros_like(cotangent)] * (len(stack.layers) - 1)
                back = back_through_time(of_stack, [*outputs, cotangent], self.r)
            else:
                back = _back_through_layers(of_stack, cotangent)
            signals = back.signals + signals if stack.measured else signals
            gradients[stack.name], cotangent = back.gradients, back.cotangent
        return signals, joined({stack.name: gradients[stack.name] for stack in self.stacks})


def _through_layers(
    layer: Layer, sets: list[Arrays], x: np.ndarray, before: int, training: bool
) -> Run:
    run = Run([], [])
    for number, p in enumerate(sets, before):
        site = Site(number, training, p)
        run.keep(site, layer(x, site))
        x = site.h
    return run


def through_time(
    carried_units: tuple[int, ...],
    layer: Layer,
    p: Arrays,
    x: np.ndarray,
    before: int,
    training: bool,
) -> Run:
    """The steps of x [seed, batch, time, unit]; the first gets 0 of the one before."""
    run = Run([], [])
    carried = tuple(np.zeros((*x.shape[:2], units), x.dtype) for units in carried_units)
    for number, given in enumerate(np.moveaxis(x, 2, 0), before):
        site = Site(number, training, p, carried=carried)
        run.keep(site, layer(given, site))
        carried = site.carried
    return run


def _back_through_layers(run: Run, cotangent: np.ndarray) -> Back:
    signals: list[np.ndarray] = []
    gradients: list[Arrays] = []
    for way in reversed(run.ways):
        signals.insert(0, cotangent)
        cotangent, found = way(cotangent)
        gradients.insert(0, found)
    return Back(signals, cotangent, stacked(gradients))


def back_through_time(run: Run, cotangents: list[np.ndarray], r: Exact) -> Back:
    """Every output goes into the next step beside where its cotangent is from.

    The weights' gradient is a sum over time.
    """
    signals: list[np.ndarray] = []
    gradients: list[Arrays] = []
    inputs: list[np.ndarray] = []
    back = tuple(np.zeros_like(a) for a in run.sites[-1].carried)
    for site, way, cotangent in zip(
        reversed(run.sites), reversed(run.ways), reversed(cotangents), strict=True
    ):
        signals.insert(0, cotangent + back[0])
        site.back = back[1:]
        of_input, found = way(signals[0])
        back = site.back
        inputs.insert(0, of_input)
        gradients.insert(0, found)
    sums = {name: r.sum(a, 1)[:, None] for name, a in stacked(gradients).items()}
    return Back(signals, np.stack(inputs, axis=2), sums)


def by_layer(arrays: Arrays, stack: Stack) -> Iterator[Arrays]:
    """The arrays of each layer of a stack in order, [seed, ...] by their bare names.

    Of a recurrent one, once.
    """
    of_stack = stack_of(arrays, stack.name)
    for layer in range(len(stack.sets)):
        yield {name: a[:, layer] for name, a in of_stack.items()}


def stacked(layers: list[Arrays]) -> Arrays:
    """The arrays of all layers of a stack, [seed, layer, ...] by their bare names."""
    return {name: np.stack([layer[name] for layer in layers], axis=1) for name in layers[0]}
