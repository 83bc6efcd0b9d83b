"""A block of parts in PyTorch, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType

import torch

from backends.torch.arrays import Tensors
from common.part import Part


@dataclass
class Site:
    """What a pass through one layer leaves.

    Attributes:
        training: Whether the pass is one of training.
        kept: Tensors by name: `tells`, from which the activation's dead units are known, [(seed,)
            batch, unit]; and the batch's own value of each running statistic, [seed * unit].
        carried: What a step of time gets of the one before, and then what it hands on; the first is
            the output.
    """

    training: bool
    kept: Tensors = field(default_factory=dict)
    carried: tuple[torch.Tensor, ...] = ()


class Layer:
    """A part, or several; its numbers are given at each call.

    Attributes:
        owners: The layers inside of it, by the names of their parameters and statistics.
    """

    owners: Mapping[str, Layer] = MappingProxyType({})

    def ready(self, name: str, a: torch.Tensor) -> torch.Tensor:
        """A parameter [seed, layer, ...] as a layer's arithmetic takes it; once, not in each."""
        return a

    def __call__(self, p: Tensors, x: torch.Tensor, site: Site) -> torch.Tensor:
        """The output for x [(seed,) batch, unit], by one layer's arrays by their bare names."""
        raise NotImplementedError

    def update(self, running: torch.Tensor, moment: torch.Tensor) -> None:
        """Bring a running statistic up to that of a batch, in place."""
        raise NotImplementedError


class Block(Layer):
    """Parts one after another, for x [(seed,) batch, unit] with so many seeds and units."""

    def __init__(self, parts: Iterable[Part], seeds: int, units: int) -> None:
        self.layers: list[Layer] = []
        owners: dict[str, Layer] = {}
        for part in parts:
            layer: Layer = import_module(f"backends.torch.{part.room}").layer(part, seeds, units)
            self.layers.append(layer)
            owners |= {
                name: layer.owners.get(name, layer)
                for name in (*part.parameters(units), *part.statistics(units))
            }
            units = part.outputs(units)
        self.owners = owners

    def __call__(self, p: Tensors, x: torch.Tensor, site: Site) -> torch.Tensor:
        """The output of the last part."""
        for layer in self.layers:
            x = layer(p, x, site)
        return x
