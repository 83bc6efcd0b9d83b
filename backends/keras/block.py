"""A block of parts in Keras, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType

from backends.keras.arrays import Tensor, Tensors
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
    carried: tuple[Tensor, ...] = ()


class Layer:
    """A part, or several; its numbers are given at each call.

    Attributes:
        owners: The layers inside of it, by the names of their parameters and statistics.
    """

    owners: Mapping[str, Layer] = MappingProxyType({})

    def ready(self, name: str, a: Tensor) -> Tensor:
        """A parameter or statistic [layer, (seed,) ...] as the arithmetic of a layer takes it.

        Once, not in each layer.
        """
        return a

    def __call__(self, p: Tensors, x: Tensor, site: Site) -> Tensor:
        """The output for x [(seed,) batch, unit], by one layer's arrays by their bare names."""
        raise NotImplementedError

    def running(self, old: Tensor, new: Tensor) -> Tensor:
        """A running statistic after a batch whose own value is `new`."""
        raise NotImplementedError


class Block(Layer):
    """Parts one after another, for x [(seed,) batch, unit] with so many seeds and units."""

    def __init__(self, parts: Iterable[Part], seeds: int, units: int, dtype: str) -> None:
        self.layers: list[Layer] = []
        owners: dict[str, Layer] = {}
        for part in parts:
            layer: Layer = import_module(f"backends.keras.{part.room}").layer(
                part, seeds, units, dtype
            )
            self.layers.append(layer)
            owners |= {
                name: layer.owners.get(name, layer)
                for name in (*part.parameters(units), *part.statistics(units))
            }
            units = part.outputs(units)
        self.owners = owners

    def __call__(self, p: Tensors, x: Tensor, site: Site) -> Tensor:
        """The output of the last part."""
        for layer in self.layers:
            x = layer(p, x, site)
        return x
