"""Architectures: which stacks of layers a network is. The only place that says depth, width, first and hidden.

The perceptron is `depth` hidden layers of one width, then an affine map to the classes. Hidden layer l is an affine map, a
normalization and an activation: h_l = activation(normalization(h_(l-1) W_l + b_l)), with h_0 the input. Its first hidden layer,
whose fan-in is the number of features, and its output layer are stacks of one layer.

| stack  | parameters                                        | layers    |
|--------|---------------------------------------------------|-----------|
| first  | weight [n_in, n_out], bias or scale, shift, slope | 1         |
| hidden | the same                                          | depth - 1 |
| output | weight, bias                                      | 1         |

A hidden layer has no bias where its normalization takes it away again.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from common.countermeasures.activation import Activation
from common.countermeasures.normalization import Normalization
from common.network import Network, Stack
from common.part import Affine, Part

Depth = Annotated[int, Field(ge=2, le=10_000)]
Width = Annotated[int, Field(ge=1, le=100_000)]


class Perceptron(Network, frozen=True):
    """Hidden layers of one width, each with the countermeasures that are part of the network itself."""

    width: Width
    depth: Depth
    activation: Activation
    normalization: Normalization

    def stacks(self) -> tuple[Stack, ...]:
        """The stacks in their order."""
        layers = tuple(f"layer {number}" for number in range(1, self.depth + 1))
        block = self._block()
        output = (Affine(self.classes, bias=True),)
        return (
            Stack("first", layers[:1], block, self.features),
            Stack("hidden", layers[1:], block, self.width),
            Stack("output", ("output",), output, self.width, measured=False),
        )

    def _block(self) -> tuple[Part, ...]:
        affine = Affine(self.width, bias=not self.normalization.removes_bias)
        return (affine, self.normalization, self.activation)
