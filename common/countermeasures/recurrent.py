r"""Recurrent: one layer of cells that is run over the steps of time.

The depth is the length of the sequence.

With x what goes in at a step, h the output of the step before (0 at the first one), a an
activation, by default tanh, s the logistic function, and W, U, b of each gate by its name:

| kind   | a step                                                              | handed on |
|--------|---------------------------------------------------------------------|-----------|
| none   | a network without time                                              |           |
| simple | h' = a(x W + h U + b)                                               | h         |
| lstm   | i, f, o = s(x W + h U + b), g = a(x W + h U + b), c' = f c + i g, h' = o a(c') | h, c |
| gru    | r, z = s(x W + h U + b), n = a(x W + b + r (h U + d)), h' = (1 - z) n + z h | h   |

The LSTM is the one with a forget gate and without peepholes; in the GRU the reset gate stands after
the product ("reset after"), as PyTorch and Flax have it and Keras by default. A gate has one bias,
and the GRU's candidate a second one, d.

| parameter        | of | shape                | starts                                           |
|------------------|----|----------------------|--------------------------------------------------|
| `input_weight`   | W  | [gate, n_in, units]  | each gate's by the plan's initialization         |
| `weight`         | U  | [gate, units, units] | each gate's orthogonal, or the identity, or as W |
| `bias`           | b  | [gate, units]        | 0; the forget gate's from `forget_bias`          |
| `recurrent_bias` | d  | [units], of the GRU  | 0                                                |

The gates stand in the order of `gates`. To clip each parameter by its own norm takes all gates of
one together, as PyTorch's and Keras' arrays have them.

The sites are the steps of time, and h is what is measured there; W, U and b are one for all steps,
so that what is measured of the weights, U, is the same at each. A unit is dead by the activation of
the cell: that of the LSTM's c, of the GRU's candidate.

Sources: Elman 1990 (simple); Le, Jaitly and Hinton 2015 (ReLU from the identity); Hochreiter and
Schmidhuber 1997, Gers, Schmidhuber and Cummins 2000 (LSTM, forget gate); Jozefowicz, Zaremba and
Sutskever 2015 (forget bias 1); Cho et al. 2014 (GRU).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, assert_never

from pydantic import Field

from common.countermeasures.activation import Activation
from common.part import Parameter, Parameters, Start
from common.spec import BY_NAME, Spec


class NoRecurrence(Spec, frozen=True):
    """A network without time."""

    kind: Literal["none"] = "none"
    over_time: ClassVar[bool] = False
    """Whether it takes sequences."""


class SimpleRNN(Spec, frozen=True):
    """The output is handed on, through one weight matrix and one activation a step."""

    kind: Literal["simple"] = "simple"
    over_time: ClassVar[bool] = True
    gates: ClassVar[tuple[str, ...]] = ("output",)
    starts: ClassVar[tuple[str, ...]] = ("start",)
    weights_decide: ClassVar[bool] = True
    start: Literal["orthogonal", "identity", "drawn"] = "orthogonal"


class LSTM(Spec, frozen=True):
    """A sum is handed on beside the output, of which the forget gate says how much is kept."""

    kind: Literal["lstm"] = "lstm"
    over_time: ClassVar[bool] = True
    gates: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate", "output")
    starts: ClassVar[tuple[str, ...]] = ("start", "forget_bias")
    weights_decide: ClassVar[bool] = False
    start: Literal["orthogonal", "drawn"] = "orthogonal"
    forget_bias: float = 1.0


class GRU(Spec, frozen=True):
    """The output is a mean of what it was and of a candidate; the update gate says what stays."""

    kind: Literal["gru"] = "gru"
    over_time: ClassVar[bool] = True
    gates: ClassVar[tuple[str, ...]] = ("reset", "update", "candidate")
    starts: ClassVar[tuple[str, ...]] = ("start",)
    weights_decide: ClassVar[bool] = False
    start: Literal["orthogonal", "drawn"] = "orthogonal"


Cell = SimpleRNN | LSTM | GRU
AnyCell = Annotated[Annotated[Cell, Field(discriminator="kind")], BY_NAME]
Recurrent = Annotated[
    Annotated[NoRecurrence | SimpleRNN | LSTM | GRU, Field(discriminator="kind")], BY_NAME
]


@dataclass(frozen=True)
class Step:
    """One step of time of a layer of cells.

    Attributes:
        spec: The cell.
        units: How many cells there are.
        inner: The activation.
    """

    spec: Cell
    units: int
    inner: tuple[Activation]

    @property
    def room(self) -> str:
        """The room of each wing that computes it."""
        return "recurrent"

    @property
    def kind(self) -> str:
        """That of the cell."""
        return self.spec.kind

    def parameters(self, units: int) -> Parameters:
        """The weights and biases of all gates."""
        gates = self.spec.gates
        count = len(self.spec.gates)
        found = {
            "input_weight": Parameter((count, units, self.units), "drawn", gates=gates),
            "weight": Parameter((count, self.units, self.units), self.spec.start, gates=gates),
            "bias": Parameter((count, self.units), _biases(self.spec), gates=gates),
        }
        return found | _own_parameters(self.spec, self.units)

    def statistics(self, units: int) -> Parameters:
        """It keeps none."""
        return {}

    def outputs(self, units: int) -> int:
        """One of each cell."""
        return self.units

    @property
    def carried(self) -> tuple[int, ...]:
        """The output, and what else the next step gets."""
        match self.spec:
            case SimpleRNN() | GRU():
                return (self.units,)
            case LSTM():
                return (self.units, self.units)
            case _:
                assert_never(self.spec)


def _biases(spec: Cell) -> tuple[Start, ...]:
    """What the bias of each gate starts at."""
    match spec:
        case SimpleRNN() | GRU():
            return (0.0,) * len(spec.gates)
        case LSTM(forget_bias=forget):
            return tuple(forget if gate == "forget" else 0.0 for gate in spec.gates)
        case _:
            assert_never(spec)


def _own_parameters(spec: Cell, units: int) -> Parameters:
    """What is trained beside one map of the input and one of the output before, for each gate."""
    match spec:
        case SimpleRNN() | LSTM():
            return {}
        case GRU():
            return {"recurrent_bias": Parameter((units,), 0.0)}
        case _:
            assert_never(spec)
