"""Architectures: which stacks of layers a network is. The only place that says depth, width, first and hidden.

The perceptron is `depth` hidden layers, of one width or each of its own, then an affine map to what the loss takes. Hidden
layer l is an affine map, a normalization and an activation: h_l = activation(normalization(h_(l-1) W_l + b_l)), with h_0 the
input. Its first hidden layer, whose fan-in is the number of features, and its output layer are stacks of one layer. With a
connection past the layers the parts stand in another order (common/countermeasures/skip.py).

| stack  | parameters                                        | layers    |
|--------|---------------------------------------------------|-----------|
| first  | weight [n_in, n_out], bias or scale, shift, slope | 1         |
| hidden | the same                                          | depth - 1 |
| output | weight, bias                                      | 1         |

With widths by layer, layers of one shape that follow one another are a stack, `hidden`, `hidden 2` and so on.

No hidden layer has a bias where the normalization takes it away again: with a connection past it too, since what goes to the
output passes one.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from operator import itemgetter
from typing import Annotated

from pydantic import Discriminator, Field, Tag, model_validator

from common.countermeasures.activation import Activation
from common.countermeasures.normalization import Normalization
from common.countermeasures.skip import Arranged, NoSkip, Skip, arranged
from common.network import Network, Stack
from common.part import Affine

Depth = Annotated[int, Field(ge=1, le=10_000)]
Width = Annotated[int, Field(ge=1, le=100_000)]
ONE, EACH = FORMS = ("a width", "a list of widths")
"""What a width may be; in the place of a mistake they say nothing."""

Widths = Annotated[
    Annotated[Width, Tag(ONE)] | Annotated[tuple[Width, ...], Field(min_length=1, max_length=10_000), Tag(EACH)],
    Discriminator(lambda given: EACH if isinstance(given, (list, tuple)) else ONE),
]
"""That of every hidden layer, or a list with one for each."""


class Perceptron(Network, frozen=True):
    """Hidden layers, each with the countermeasures that are part of the network itself.

    Attributes:
        width: The units of every hidden layer, or those of each.
        depth: How many hidden layers there are.
    """

    width: Widths
    depth: Depth
    activation: Activation
    normalization: Normalization
    skip: Skip = NoSkip()

    @model_validator(mode="after")
    def _every_layer_has_a_width(self) -> Perceptron:
        if len(self.widths) != self.depth:
            raise ValueError(
                f"a list of widths needs one for each hidden layer; received {len(self.widths)} for a depth of {self.depth}"
            )
        return self

    @model_validator(mode="after")
    def _a_layer_is_wide_enough(self) -> Perceptron:
        least, narrowest = self.normalization.least_units, min(self.widths)
        if narrowest < least:
            raise ValueError(
                f"{self.normalization.kind} norm needs at least {least} units, of one it leaves nothing; "
                f"received a width of {narrowest}"
            )
        return self

    @property
    def widths(self) -> tuple[int, ...]:
        """The units of each hidden layer."""
        return self.width if isinstance(self.width, tuple) else (self.width,) * self.depth

    @property
    def spoken_widths(self) -> str:
        """The width of all, or `22-19-15`."""
        return "-".join(map(str, self.widths)) if isinstance(self.width, tuple) else str(self.width)

    def stacks(self) -> tuple[Stack, ...]:
        """The stacks in their order; layers of one shape that follow one another are one."""
        widths, last = self.widths, self.widths[-1]
        found = [Stack("first", ("layer 1",), self._blocks(widths[0]).first, self.features)]
        shapes = enumerate(pairwise(widths), start=2)
        for (inputs, outputs), group in groupby(shapes, key=itemgetter(1)):
            blocks = self._blocks(outputs)
            block = blocks.hidden if inputs == outputs else blocks.changing
            name = f"hidden {len(found)}" if len(found) > 1 else "hidden"
            found.append(Stack(name, tuple(f"layer {number}" for number, _ in group), block, inputs))
        output = (*self._blocks(last).last, Affine(self.outputs, bias=True))
        return (*found, Stack("output", ("output",), output, last, measured=False))

    def _blocks(self, width: int) -> Arranged:
        affine = Affine(width, bias=not self.normalization.removes_bias)
        return arranged(self.skip, affine, self.normalization, self.activation)
