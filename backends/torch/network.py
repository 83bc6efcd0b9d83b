"""The network in PyTorch.

All seeds run at once, x [seed, batch, unit]; a single seed has no such axis inside, x [batch,
unit]: a product of matrices is faster than a batch of one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from backends.torch.arrays import Tensors
from backends.torch.block import Block, Site
from common.network import Network
from common.stack import Stack, stack_of


@dataclass(frozen=True)
class Pass:
    """What a forward pass leaves.

    Attributes:
        logits: [seed, batch, output].
        sites: What each layer left where the quantities are measured, `h` and perhaps `tells`
            [(seed,) batch, width].
        moments: The batch's own values of the running statistics, [layer, ...] by their names.
    """

    logits: torch.Tensor
    sites: list[Tensors]
    moments: Tensors


class StackedNetwork:
    """The stacks of layers, each a block run over stacked parameters."""

    def __init__(self, spec: Network, seeds: int) -> None:
        self.seeds = seeds
        self.stacks = spec.stacks()
        self.statistics = {stack.name: list(stack.statistics) for stack in self.stacks}
        self.blocks = {stack.name: Block(stack.block, seeds, stack.inputs) for stack in self.stacks}

    def __call__(
        self, parameters: Tensors, x: torch.Tensor, statistics: Tensors | None = None
    ) -> Pass:
        """Run the network.

        Args:
            parameters: [seed, layer, ...] by name.
            x: [seed, batch, features], or [seed, batch, time, features].
            statistics: [layer, seed * width] by name, for evaluation; without them it is training.
        """
        sites: list[Tensors] = []
        moments: Tensors = {}
        h = x if self.seeds > 1 else x.squeeze(0)
        for stack in self.stacks:
            running = {
                name: a.unbind(0) for name, a in stack_of(statistics or {}, stack.name).items()
            }
            sets = _by_layer(self._unstacked(parameters, stack.name) | running)
            through = self._through_time if stack.recurrent else self._through_layers
            of_stack = through(stack, sets, h, statistics is None)
            h = of_stack[-1]["h"]
            if stack.measured:
                sites += of_stack
            if statistics is None:
                moments |= {
                    f"{stack.name}.{name}": torch.stack([kept[name] for kept in of_stack])
                    for name in self.statistics[stack.name]
                }
        return Pass(h.view(*x.shape[:2], -1), sites, moments)

    def _through_layers(
        self, stack: Stack, sets: list[Tensors], h: torch.Tensor, training: bool
    ) -> list[Tensors]:
        """What each layer leaves."""
        block, found = self.blocks[stack.name], []
        for p in sets:
            site = Site(training)
            h = block(p, h, site)
            found.append(site.kept | {"h": h})
        return found

    def _through_time(
        self, stack: Stack, sets: list[Tensors], x: torch.Tensor, training: bool
    ) -> list[Tensors]:
        """What each step of x [(seed,) batch, time, feature] leaves."""
        block, found, (p,) = self.blocks[stack.name], [], sets
        carried = tuple(x.new_zeros((*x.shape[:-2], units)) for units in stack.carried)
        for given in x.unbind(-2):
            site = Site(training, carried=carried)
            h = block(p, given, site)
            carried = site.carried
            found.append(site.kept | {"h": h})
        return found

    def _unstacked(self, parameters: Tensors, stack: str) -> dict[str, tuple[torch.Tensor, ...]]:
        """Parameters of a stack, layer by layer, by their bare names."""
        found = {
            name: self.blocks[stack].owners[name].ready(name, a)
            for name, a in stack_of(parameters, stack).items()
        }
        return {
            name: a.unbind(1) if self.seeds > 1 else a.squeeze(0).unbind(0)
            for name, a in found.items()
        }

    def update(self, statistics: Tensors, moments: Tensors) -> None:
        """Bring the running statistics up to the moments of a batch, in place."""
        for key, running in statistics.items():
            stack, _, name = key.partition(".")
            self.blocks[stack].owners[name].update(running, moments[key])


def _by_layer(stacks: dict[str, tuple[torch.Tensor, ...]]) -> list[Tensors]:
    return [dict(zip(stacks, values, strict=True)) for values in zip(*stacks.values(), strict=True)]
