"""What a part of a network says of itself.

Its parameters and statistics, each with its shape and what it starts at.

A part takes x [batch, units] to y [batch, outputs]. A block is parts one after another; their
parameters go by bare names, of which a block has each once. A recurrent part takes a step of time,
and hands something on to the next one beside y.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

Drawn = Literal["drawn", "drawn bias", "orthogonal", "identity"]
"""By the plan's initialization, as the weights or the biases of an affine map, or by a law of the
part's own."""

Start = float | Drawn


class Parameter(NamedTuple):
    """One array of a part, of one layer and one seed.

    Attributes:
        shape: Of the array.
        start: The number that it is full of before the first step, or how it is found; with gates
            one for each.
        fan_in: How many inputs the affine map has that it is the bias of.
        gates: The names of the gates that its first axis is of, if it has such an axis.
    """

    shape: tuple[int, ...]
    start: Start | tuple[Start, ...]
    fan_in: int = 0
    gates: tuple[str, ...] = ()

    @property
    def own_start(self) -> Start:
        """How it starts as a whole; where each gate starts by itself, ask `by_gate`."""
        assert not isinstance(self.start, tuple), "each gate starts by itself"
        return self.start

    @property
    def by_gate(self) -> dict[str, Parameter]:
        """What each gate has of it, by the gate's name."""
        starts = self.start if isinstance(self.start, tuple) else (self.start,) * len(self.gates)
        by_name = zip(self.gates, starts, strict=True)
        return {gate: Parameter(self.shape[1:], start, self.fan_in) for gate, start in by_name}


Parameters = dict[str, Parameter]
"""By their bare names, in the order in which they are kept."""


class Part(Protocol):
    """What the walk over a network asks of a part; it knows no kind by name."""

    @property
    def room(self) -> str:
        """The room of each wing that computes it."""
        ...

    @property
    def kind(self) -> str:
        """Which of its room's it is."""
        ...

    @property
    def inner(self) -> tuple[Part, ...]:
        """The parts that it holds."""
        ...

    def parameters(self, units: int) -> Parameters:
        """What is trained of it in one layer, for so many units that go in."""
        ...

    def statistics(self, units: int) -> Parameters:
        """What it keeps of the batches of one layer, for evaluation."""
        ...

    def outputs(self, units: int) -> int:
        """How many units come out."""
        ...

    @property
    def carried(self) -> tuple[int, ...]:
        """How many units each array has that a step of time hands on to the next.

        The first is the output itself.
        """
        ...


@dataclass(frozen=True)
class Affine:
    """An affine map, x W + b, or x W.

    Attributes:
        units: That come out.
        bias: Whether there is a b.
    """

    units: int
    bias: bool

    @property
    def room(self) -> str:
        """The room of each wing that computes it."""
        return "affine"

    @property
    def kind(self) -> str:
        """The only one of its room."""
        return "affine"

    @property
    def inner(self) -> tuple[Part, ...]:
        """It holds no part."""
        return ()

    def parameters(self, units: int) -> Parameters:
        """The weight [n_in, n_out], and the bias."""
        weight: Parameters = {"weight": Parameter((units, self.units), "drawn")}
        return weight | (
            {"bias": Parameter((self.units,), "drawn bias", units)} if self.bias else {}
        )

    def statistics(self, units: int) -> Parameters:
        """It keeps none."""
        return {}

    def outputs(self, units: int) -> int:
        """Those of the map."""
        return self.units

    @property
    def carried(self) -> tuple[int, ...]:
        """It knows no time."""
        return ()


def parameters_of(block: Iterable[Part], units: int) -> Parameters:
    """The parameters of parts one after another."""
    found: Parameters = {}
    for part in block:
        found |= part.parameters(units)
        units = part.outputs(units)
    return found


def statistics_of(block: Iterable[Part], units: int) -> Parameters:
    """The statistics of parts one after another."""
    found: Parameters = {}
    for part in block:
        found |= part.statistics(units)
        units = part.outputs(units)
    return found


def outputs_of(block: Iterable[Part], units: int) -> int:
    """How many units come out of parts one after another."""
    for part in block:
        units = part.outputs(units)
    return units
