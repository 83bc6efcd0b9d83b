"""The network in PyTorch, for all seeds at once: x [seed, batch, unit], parameters [seed, ...] of each layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.func import functional_call

from backends.torch import activation, normalization
from backends.torch.arrays import Tensors
from common.network import Network, stack_of


class HiddenLayer:
    """One hidden layer of all seeds side by side; its numbers are given at each call."""

    def __init__(self, spec: Network, seeds: int) -> None:
        constructor = normalization.build(spec.normalization)
        self.normalization = constructor(seeds * spec.width) if constructor else None
        self.activation = activation.build(spec.activation)

    def __call__(self, p: Tensors, x: torch.Tensor, training: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Pre-activation and output [seed, batch, width] of x [seed, batch, n_in]."""
        z = torch.bmm(x, p["weight"]) if self.normalization else torch.baddbmm(p["bias"][:, None], x, p["weight"])
        if self.normalization:
            z = self._normalized(z, p, training)
        return z, self._activated(z, p)

    def _normalized(self, z: torch.Tensor, p: Tensors, training: bool) -> torch.Tensor:
        """Batch norm works unit by unit: with the seeds' units side by side, [batch, seed * width], it works seed by seed."""
        assert self.normalization is not None
        self.normalization.train(training)
        side_by_side = z.transpose(0, 1)
        numbers = p["scale"].flatten(), p["shift"].flatten(), p["mean"], p["variance"]
        normalized = self.normalization.normalize(side_by_side.flatten(1), *numbers)
        return normalized.view_as(side_by_side).transpose(0, 1)

    def _activated(self, z: torch.Tensor, p: Tensors) -> torch.Tensor:
        if "slope" not in p:
            return self.activation(z)
        # PReLU has a slope for each channel, which it expects behind the batch: there the seeds have one each
        return functional_call(self.activation, {"weight": p["slope"]}, (z.transpose(0, 1),)).transpose(0, 1)


@dataclass(frozen=True)
class Pass:
    """A forward pass: logits [seed, batch, class]; pre-activations and outputs [seed, batch, width], layer by layer."""

    logits: torch.Tensor
    pre_activations: list[torch.Tensor]
    outputs: list[torch.Tensor]


class StackedNetwork:
    """The hidden layer, run `depth` times over stacked parameters, and the output layer."""

    def __init__(self, spec: Network, seeds: int) -> None:
        self.layer = HiddenLayer(spec, seeds)

    def __call__(self, parameters: Tensors, statistics: Tensors, x: torch.Tensor, training: bool) -> Pass:
        """Run x [seed, batch, features]; statistics [layer, seed * width] are updated in place in training."""
        pre_activations, outputs = [], [x]
        for stack in ("first", "hidden"):
            trained, running = stack_of(parameters, stack), stack_of(statistics, stack)
            by_layer = [a.unbind(1) for a in trained.values()] + [a.unbind(0) for a in running.values()]
            for values in zip(*by_layer, strict=True):
                p = dict(zip([*trained, *running], values, strict=True))
                z, h = self.layer(p, outputs[-1], training)
                pre_activations.append(z)
                outputs.append(h)
        weight, bias = parameters["output.weight"][:, 0], parameters["output.bias"]
        return Pass(torch.baddbmm(bias, outputs[-1], weight), pre_activations, outputs[1:])
