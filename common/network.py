"""The network that is trained: `depth` hidden layers of one width, then an affine map to the classes.

Hidden layer l is an affine map, a normalization and an activation: h_l = activation(normalization(h_(l-1) W_l + b_l)), with
h_0 the input. The hidden layers are one block run `depth` times, so their parameters are stacked: a parameter has the axes
[seed, layer, ...]. The first hidden layer, whose fan-in is the number of features, and the output layer are stacks of
one layer.

| stack  | parameters                                 | layers    |
|--------|--------------------------------------------|-----------|
| first  | weight [n_in, n_out], bias or scale, shift, slope | 1         |
| hidden | the same                                   | depth - 1 |
| output | weight, bias                               | 1         |

With batch norm a hidden layer has a scale and a shift and no bias; with PReLU it has a slope, of shape [].
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from common.countermeasures import activation, normalization
from common.countermeasures.activation import Activation
from common.countermeasures.normalization import Normalization
from common.part import Parameters, affine
from common.spec import Spec

Arrays = dict[str, np.ndarray]

Depth = Annotated[int, Field(ge=2, le=10_000)]
Width = Annotated[int, Field(ge=1, le=100_000)]


class Stack(NamedTuple):
    """Layers of one shape.

    Attributes:
        name: Of the stack.
        layers: The name of each, by which its numbers are drawn.
        parameters: Of one layer.
        statistics: Of one layer.
    """

    name: str
    layers: tuple[str, ...]
    parameters: Parameters
    statistics: Parameters


def _shapes(stack: Stack, parameters: Parameters) -> Iterator[tuple[str, tuple[int, ...]]]:
    for name, one in parameters.items():
        yield f"{stack.name}.{name}", (len(stack.layers), *one.shape)


class Network(Spec, frozen=True):
    """Sizes and the two countermeasures that are part of the network itself."""

    features: int = Field(ge=1)
    width: Width
    depth: Depth
    classes: int = Field(ge=2)
    activation: Activation
    normalization: Normalization

    @property
    def normalized(self) -> bool:
        """Whether a normalization shifts the hidden layers' pre-activations, so that a bias would do nothing."""
        return "shift" in normalization.parameters(self.normalization, self.width)

    def stacks(self) -> tuple[Stack, ...]:
        """The stacks in their order."""
        hidden = tuple(f"layer {number}" for number in range(1, self.depth + 1))
        statistics = normalization.statistics(self.normalization, self.width)
        return (
            Stack("first", hidden[:1], self._block(self.features), statistics),
            Stack("hidden", hidden[1:], self._block(self.width), statistics),
            Stack("output", ("output",), affine(self.width, self.classes, bias=True), {}),
        )

    def _block(self, n_in: int) -> Parameters:
        """The parameters of one hidden layer."""
        own = normalization.parameters(self.normalization, self.width)
        return affine(n_in, self.width, bias=not self.normalized) | own | activation.parameters(self.activation)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape [layer, ...] of every parameter of one seed, by its name `stack.parameter`."""
        return {name: shape for stack in self.stacks() for name, shape in _shapes(stack, stack.parameters)}

    def statistics_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape [layer, ...] of every statistic of one seed, by its name `stack.statistic`."""
        return {name: shape for stack in self.stacks() for name, shape in _shapes(stack, stack.statistics)}

    def parameter_count(self) -> int:
        """How many numbers one seed trains."""
        return sum(math.prod(shape) for shape in self.shapes().values())


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
    """Samples for every seed: x [seed, batch, features], y [seed, batch] integer classes."""

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Gradients:
    """One backward pass, in NumPy.

    Attributes:
        loss: [seed], the mean cross-entropy over the batch.
        signal: [seed, layer, batch, width], the batch size times dL/dh_l for every hidden layer.
        parameters: dL/dp for every parameter, before clipping, [seed, layer, ...] by name.
        clipped: The same after clipping.
    """

    loss: np.ndarray
    signal: np.ndarray
    parameters: Arrays
    clipped: Arrays


def stack_of(arrays: dict[str, Any], stack: str) -> dict[str, Any]:
    """The arrays of one stack, by their bare names: `first.weight` becomes `weight`."""
    return {name.partition(".")[2]: a for name, a in arrays.items() if name.startswith(f"{stack}.")}


def joined(stacks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The inverse of `stack_of` for all stacks: `{"first": {"weight": a}}` becomes `{"first.weight": a}`."""
    return {f"{stack}.{name}": a for stack, arrays in stacks.items() for name, a in arrays.items()}
