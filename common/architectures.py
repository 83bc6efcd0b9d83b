"""Architectures: which stacks of layers a network is. The only place that says depth, width, first and hidden.

The perceptron is `depth` hidden layers of one width, then an affine map to the classes. Hidden layer l is an affine map, a
normalization and an activation: h_l = activation(normalization(h_(l-1) W_l + b_l)), with h_0 the input. Its first hidden layer,
whose fan-in is the number of features, and its output layer are stacks of one layer. With a connection past the layers the
parts stand in another order (common/countermeasures/skip.py).

| stack  | parameters                                        | layers    |
|--------|---------------------------------------------------|-----------|
| first  | weight [n_in, n_out], bias or scale, shift, slope | 1         |
| hidden | the same                                          | depth - 1 |
| output | weight, bias                                      | 1         |

No hidden layer has a bias where the normalization takes it away again: with a connection past it too, since what goes to the
output passes one.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from common.countermeasures.activation import Activation
from common.countermeasures.normalization import Normalization
from common.countermeasures.skip import Arranged, NoSkip, Skip, arranged
from common.network import Network, Stack
from common.part import Affine

Depth = Annotated[int, Field(ge=2, le=10_000)]
Width = Annotated[int, Field(ge=1, le=100_000)]


class Perceptron(Network, frozen=True):
    """Hidden layers of one width, each with the countermeasures that are part of the network itself."""

    width: Width
    depth: Depth
    activation: Activation
    normalization: Normalization
    skip: Skip = NoSkip()

    @model_validator(mode="after")
    def _a_layer_is_wide_enough(self) -> Perceptron:
        least = self.normalization.least_units
        if self.width < least:
            raise ValueError(
                f"{self.normalization.kind} norm needs at least {least} units, of one it leaves nothing; "
                f"received a width of {self.width}"
            )
        return self

    def stacks(self) -> tuple[Stack, ...]:
        """The stacks in their order."""
        layers = tuple(f"layer {number}" for number in range(1, self.depth + 1))
        blocks = self._blocks()
        output = (*blocks.last, Affine(self.classes, bias=True))
        return (
            Stack("first", layers[:1], blocks.first, self.features),
            Stack("hidden", layers[1:], blocks.hidden, self.width),
            Stack("output", ("output",), output, self.width, measured=False),
        )

    def _blocks(self) -> Arranged:
        affine = Affine(self.width, bias=not self.normalization.removes_bias)
        return arranged(self.skip, affine, self.normalization, self.activation)
