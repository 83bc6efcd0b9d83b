"""Architectures: which stacks of layers a network is.

The only place that says depth, width, first and hidden.

The perceptron is `depth` hidden layers, of one width or each of its own, then an affine map to what
the loss takes. Hidden layer l is an affine map, a normalization and an activation: h_l =
activation(normalization(h_(l-1) W_l + b_l)), with h_0 the input. Its first hidden layer, whose
fan-in is the number of features, and its output layer are stacks of one layer. With a connection
past the layers the parts stand in another order (common/countermeasures/skip.py).

| stack  | parameters                                        | layers    |
|--------|---------------------------------------------------|-----------|
| first  | weight [n_in, n_out], bias or scale, shift, slope | 1         |
| hidden | the same                                          | depth - 1 |
| output | weight, bias                                      | 1         |

With widths by layer, layers of one shape that follow one another are a stack, `hidden`, `hidden 2`
and so on.

No hidden layer has a bias where the normalization takes it away again: with a connection past it
too, since what goes to the output passes one.

The recurrent network is one layer of cells that goes through a sequence step by step
(common/countermeasures/recurrent.py), then an affine map of its last output to what the loss takes.

| stack     | parameters                                           | layers                |
|-----------|------------------------------------------------------|-----------------------|
| recurrent | input_weight, weight, bias, of a GRU recurrent_bias  | time, with one set    |
| output    | weight, bias                                         | 1                     |
"""

from __future__ import annotations

from itertools import groupby, pairwise
from operator import itemgetter
from typing import Annotated, Any, ClassVar

from pydantic import Discriminator, Field, Tag, model_validator

from common.countermeasures.activation import Activation, Tanh
from common.countermeasures.normalization import Normalization
from common.countermeasures.recurrent import AnyCell, Step
from common.countermeasures.skip import Arranged, NoSkip, Skip, arranged
from common.network import Network
from common.part import Affine
from common.stack import Stack

Depth = Annotated[int, Field(ge=1, le=10_000)]
Width = Annotated[int, Field(ge=1, le=100_000)]
Time = Annotated[int, Field(ge=1, le=10_000)]
ONE, EACH, LAYERS, STEPS = FORMS = ("a width", "a list of widths", "layers", "steps of time")
"""What a width or an architecture may be; in the place of a mistake they say nothing."""

Widths = Annotated[
    Annotated[Width, Tag(ONE)]
    | Annotated[tuple[Width, ...], Field(min_length=1, max_length=10_000), Tag(EACH)],
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
    normalization: Normalization
    skip: Skip = NoSkip()

    @model_validator(mode="after")
    def _every_layer_has_a_width(self) -> Perceptron:
        if len(self.widths) != self.depth:
            raise ValueError(
                f"a list of widths needs one for each hidden layer; received {len(self.widths)} "
                f"for a depth of {self.depth}"
            )
        return self

    @model_validator(mode="after")
    def _a_layer_is_wide_enough(self) -> Perceptron:
        least = self.normalization.least_units
        narrowest = min(self.widths)
        if narrowest < least:
            raise ValueError(
                f"{self.normalization.kind} norm needs at least {least} units, of one it leaves "
                f"nothing; received a width of {narrowest}"
            )
        return self

    def check_batch(self, size: int) -> None:
        """Refuse a batch too small for the normalization."""
        least = self.normalization.least_batch
        if size < least:
            kind = self.normalization.kind
            raise ValueError(
                f"{kind} norm needs a batch of at least {least} samples; received a batch size of "
                f"{size}"
            )

    @property
    def widths(self) -> tuple[int, ...]:
        """The units of each hidden layer."""
        return self.width if isinstance(self.width, tuple) else (self.width,) * self.depth

    @property
    def spoken(self) -> str:
        """`30 hidden layers of 64 units`, or `hidden layers of 22-19-15 units`."""
        if isinstance(self.width, tuple):
            return f"hidden layers of {'-'.join(map(str, self.widths))} units"
        layers = "hidden layer" if self.depth == 1 else "hidden layers"
        return f"{self.depth} {layers} of {self.width} units"

    @property
    def weights_decide(self) -> bool:
        """Whether no normalization and no connection is in the way."""
        return not self.normalization.rescales and not self.skip.past

    def stacks(self) -> tuple[Stack, ...]:
        """The stacks in their order; layers of one shape that follow one another are one."""
        widths, last = self.widths, self.widths[-1]
        found = [Stack("first", ("layer 1",), self._blocks(widths[0]).opening, self.features)]
        shapes = enumerate(pairwise(widths), start=2)
        for (inputs, outputs), group in groupby(shapes, key=itemgetter(1)):
            blocks = self._blocks(outputs)
            block = blocks.repeated if inputs == outputs else blocks.changing
            name = f"hidden {len(found)}" if len(found) > 1 else "hidden"
            found.append(
                Stack(name, tuple(f"layer {number}" for number, _ in group), block, inputs)
            )
        output = (*self._blocks(last).closing, Affine(self.outputs, bias=True))
        return (*found, Stack("output", ("output",), output, last, measured=False))

    def _blocks(self, width: int) -> Arranged:
        affine = Affine(width, bias=not self.normalization.removes_bias)
        return arranged(self.skip, affine, self.normalization, self.activation)


class RecurrentNetwork(Network, frozen=True):
    """One layer of cells over the steps of time.

    Attributes:
        width: How many cells there are.
        time: How many steps a sequence has.
        recurrent: The cell.
        activation: Of the cell.
    """

    site: ClassVar[str] = "time step"

    width: Width
    time: Time
    recurrent: AnyCell
    activation: Activation = Tanh()

    @model_validator(mode="after")
    def _the_activation_is_one_for_all_steps(self) -> RecurrentNetwork:
        if self.activation.parameters(self.width):
            raise ValueError(
                "the activation of a cell must have nothing to train; received "
                f"{self.activation.kind}; leaky_relu is the same with a fixed slope"
            )
        return self

    @property
    def spoken(self) -> str:
        """`64 lstm cells over 50 time steps`."""
        steps = "time step" if self.time == 1 else "time steps"
        return f"{self.width} {self.recurrent.kind} cells over {self.time} {steps}"

    @property
    def weights_decide(self) -> bool:
        """Whether nothing is handed on but through the weights."""
        return self.recurrent.weights_decide

    def stacks(self) -> tuple[Stack, ...]:
        """The cells, and the output layer."""
        cells = Step(self.recurrent, self.width, (self.activation,))
        steps = tuple(f"time step {number}" for number in range(1, self.time + 1))
        output = Affine(self.outputs, bias=True)
        return (
            Stack("recurrent", steps, (cells,), self.features),
            Stack("output", ("output",), (output,), self.width, measured=False),
        )


def _architecture(given: Any) -> str:
    recurrent = (
        "recurrent" in given if isinstance(given, dict) else isinstance(given, RecurrentNetwork)
    )
    return STEPS if recurrent else LAYERS


AnyNetwork = Annotated[
    Annotated[Perceptron, Tag(LAYERS)] | Annotated[RecurrentNetwork, Tag(STEPS)],
    Discriminator(_architecture),
]
