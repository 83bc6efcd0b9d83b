"""A network is stacks of layers; a layer is a block of parts.

This walk over them knows no kind of part by name.

The layers of a stack have one shape, so that their parameters are stacked: a parameter has the axes
[seed, layer, ...] and goes by the name `stack.parameter`. The layers of a recurrent stack are steps
of time, which share one set of parameters: there the axis of layers has a length of 1. Which stacks
there are, common/architectures.py says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from common.countermeasures.activation import Activation
from common.countermeasures.loss import CrossEntropy, Loss, outputs
from common.part import Parameters
from common.spec import Spec
from common.stack import Stack

Arrays = dict[str, np.ndarray]


class Network(Spec, frozen=True):
    """What every architecture has in common; its fields that are specs are countermeasures.

    Attributes:
        features: How many numbers a sample has.
        classes: How many there are; None where the targets are real.
        targets: How many real numbers each sample is held to; None where it has a class.
    """

    site: ClassVar[str] = "layer"
    """What a site is called in a report."""

    features: int = Field(ge=1)
    classes: int | None = Field(default=None, ge=2)
    targets: int | None = Field(default=None, ge=1)
    loss: Loss = CrossEntropy()
    activation: Activation

    @model_validator(mode="after")
    def _the_loss_is_of_such_targets(self) -> Self:
        if (self.classes is None) == (self.targets is None):
            received = (
                "neither"
                if self.classes is None
                else f"{self.classes} classes and {self.targets} targets"
            )
            raise ValueError(
                f"a network must have either classes or real targets; received {received}"
            )
        if self.targets is not None and not self.loss.of_real_targets:
            raise ValueError(
                f"real targets need the loss squared_error; received {self.loss.kind}; set loss = "
                '"squared_error"'
            )
        most = self.loss.most_classes
        if most is not None and self.classes is not None and self.classes > most:
            raise ValueError(
                f"the loss {self.loss.kind} is of at most {most} classes; received {self.classes} "
                "classes"
            )
        return self

    @property
    def outputs(self) -> int:
        """How many the network has."""
        return self.targets or outputs(self.loss, self.classes or 0)

    def stacks(self) -> tuple[Stack, ...]:
        """The stacks in their order."""
        raise NotImplementedError

    @property
    def spoken(self) -> str:
        """The network in a few words: `30 hidden layers of 64 units`."""
        raise NotImplementedError

    @property
    def weights_decide(self) -> bool:
        """Whether the gradient has no other way back than through the weights."""
        raise NotImplementedError

    def check_batch(self, size: int) -> None:
        """Refuse a size of the batch that the network cannot take.

        Raises:
            ValueError: It cannot.
        """

    def measured(self) -> tuple[Stack, ...]:
        """The stacks whose layers are sites."""
        return tuple(stack for stack in self.stacks() if stack.measured)

    @property
    def sites(self) -> tuple[str, ...]:
        """The names of the layers where the quantities are measured, in their order."""
        return tuple(layer for stack in self.measured() for layer in stack.layers)

    def layer(self, stack: str, index: int) -> str:
        """The name of a layer of a stack in words, or of a site where no stack is named."""
        name = {s.name: s.sets for s in self.stacks()}.get(stack, self.sites)[index]
        return name if name in self.sites else f"{name} layer"

    @property
    def units(self) -> int:
        """How many come out of the widest site."""
        return max(stack.outputs for stack in self.measured())

    def of_measured(self, name: str) -> tuple[str, ...]:
        """The names of a parameter of the measured stacks that have it."""
        return tuple(
            f"{stack.name}.{name}" for stack in self.measured() if name in stack.parameters
        )

    @property
    def weights(self) -> tuple[str, ...]:
        """The names of the parameters that are the weights of the sites."""
        return self.of_measured("weight")

    @property
    def sites_of_weights(self) -> tuple[int, ...]:
        """Of how many sites each of `weights` has the weights: steps of time have the same."""
        return tuple(len(stack.layers) for stack in self.measured() if "weight" in stack.parameters)

    @property
    def shared(self) -> int:
        """How many layers share one set of parameters at most."""
        return max(len(stack.layers) // len(stack.sets) for stack in self.stacks())

    def at_sites(self, of_weights: Sequence[np.ndarray]) -> np.ndarray:
        """What there is of each of `weights`, [seed, layer], as [seed, site]."""
        counts = zip(of_weights, self.sites_of_weights, strict=True)
        return np.concatenate([np.broadcast_to(a, (len(a), count)) for a, count in counts], axis=1)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape [layer, ...] of every parameter of one seed, by its name `stack.parameter`."""
        return {
            name: shape
            for stack in self.stacks()
            for name, shape in _shapes(stack, stack.parameters)
        }

    def statistics_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape [layer, ...] of every statistic of one seed, by its name `stack.statistic`."""
        return {
            name: shape
            for stack in self.stacks()
            for name, shape in _shapes(stack, stack.statistics)
        }

    def parameter_count(self) -> int:
        """How many numbers one seed trains."""
        return sum(math.prod(shape) for shape in self.shapes().values())

    def countermeasures(self) -> dict[str, Spec]:
        """Those that are part of the network itself, by their rooms."""
        return {name: value for name, value in self if isinstance(value, Spec)}

    def with_numbers(self, numbers: dict[str, Any]) -> Self:
        """The network with other values of numbers `room.field`.

        Not validated, and perhaps a framework's arrays.
        """
        specs = self.countermeasures()
        for key, value in numbers.items():
            room, _, name = key.partition(".")
            specs[room] = specs[room].model_copy(update={name: value})
        return self.model_copy(update=specs)


def _shapes(stack: Stack, parameters: Parameters) -> Iterator[tuple[str, tuple[int, ...]]]:
    for name, one in parameters.items():
        yield f"{stack.name}.{name}", (len(stack.sets), *one.shape)


@dataclass(frozen=True)
class State:
    """What training changes, in NumPy, each array [seed, layer, ...] by name.

    Attributes:
        parameters: `stack.parameter`.
        statistics: The running ones, `stack.statistic`.
        optimizer: What the optimizer keeps, `stack.parameter.slot`.
        steps: How many have been taken.
    """

    parameters: Arrays
    statistics: Arrays
    optimizer: Arrays = field(default_factory=dict)
    steps: int = 0


@dataclass(frozen=True)
class Batch:
    """Samples for every seed.

    Attributes:
        x: [seed, batch, features], or of sequences [seed, batch, time, features].
        y: Integer classes [seed, batch], or real targets [seed, batch, target].
    """

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Gradients:
    """One backward pass, in NumPy.

    Attributes:
        loss: [seed], the mean over the batch.
        signal: [seed, layer, batch, width], the batch size times dL/dh_l for every site; 0 beyond
            the units of a narrower one.
        parameters: dL/dp for every parameter, before clipping, [seed, layer, ...] by name.
        clipped: The same after clipping.
    """

    loss: np.ndarray
    signal: np.ndarray
    parameters: Arrays
    clipped: Arrays


def side_by_side(layers: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays [seed, batch, unit] of each layer as [seed, layer, batch, unit].

    There is 0 beyond the units of a narrower layer.
    """
    most = max(a.shape[-1] for a in layers)
    return np.stack([_widened(a, most) for a in layers], axis=1)


def _widened(a: np.ndarray, units: int) -> np.ndarray:
    narrower = units - a.shape[-1]
    return np.pad(a, ((0, 0), (0, 0), (0, narrower))) if narrower else a
