"""The network in PyTorch.

The seeds lie between batch and units, x [batch, seed, unit]: there `PReLU` keeps its channels, so that every seed has a slope
of its own, and flattened to [batch, seed * unit] batch norm, which works unit by unit, works seed by seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.func import functional_call

from backends.torch import activation, normalization
from common.network import Network, stack_of

Tensors = dict[str, torch.Tensor]

NAMES = {
    "weight": "weight",
    "bias": "bias",
    "scale": "normalization.weight",
    "shift": "normalization.bias",
    "mean": "normalization.running_mean",
    "variance": "normalization.running_var",
    "slope": "activation.weight",
}
"""Our names, and those of the module `HiddenLayer`."""


class HiddenLayer(nn.Module):
    """One hidden layer of all seeds side by side; its numbers are put in at each call."""

    def __init__(self, spec: Network, seeds: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(seeds, spec.width, spec.width))
        self.bias = None if spec.normalized else nn.Parameter(torch.empty(seeds, spec.width))
        constructor = normalization.build(spec.normalization)
        self.normalization = constructor(seeds * spec.width) if constructor else None
        self.activation = activation.build(spec.activation)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pre-activation and output [batch, seed, width] of x [batch, seed, n_in]."""
        z = torch.einsum("bsi,sio->bso", x, self.weight)
        if self.bias is not None:
            z = z + self.bias
        if self.normalization is not None:
            z = self.normalization(z.flatten(1)).view_as(z)
        return z, self.activation(z)


@dataclass(frozen=True)
class Pass:
    """A forward pass: logits [batch, seed, class]; pre-activations and outputs [batch, seed, width], layer by layer."""

    logits: torch.Tensor
    pre_activations: list[torch.Tensor]
    outputs: list[torch.Tensor]


class StackedNetwork:
    """The hidden layer, run `depth` times over stacked parameters, and the output layer."""

    def __init__(self, spec: Network, seeds: int) -> None:
        with torch.device("meta"):
            self.layer = HiddenLayer(spec, seeds)

    def __call__(self, parameters: Tensors, statistics: Tensors, x: torch.Tensor, training: bool) -> Pass:
        """Run x [batch, seed, features]; statistics [layer, seed * width] are updated in place in training."""
        self.layer.train(training)
        pre_activations, outputs = [], [x]
        for stack in ("first", "hidden"):
            trained, running = stack_of(parameters, stack), stack_of(statistics, stack)
            by_layer = [a.unbind(1) for a in trained.values()] + [a.unbind(0) for a in running.values()]
            for values in zip(*by_layer, strict=True):
                named = {NAMES[name]: value for name, value in zip([*trained, *running], values, strict=True)}
                named = {name: v.flatten() if name.startswith("normalization.") else v for name, v in named.items()}
                z, h = functional_call(self.layer, named, (outputs[-1],))
                pre_activations.append(z)
                outputs.append(h)
        logits = torch.einsum("bsi,sio->bso", outputs[-1], parameters["output.weight"][:, 0])
        return Pass(logits + parameters["output.bias"][:, 0], pre_activations, outputs[1:])
