"""A stack is layers of one shape, whose arrays are stacked and go by the name `stack.parameter`."""

from __future__ import annotations

from typing import Any, NamedTuple

from common.part import Parameters, Part, outputs_of, parameters_of, statistics_of


class Stack(NamedTuple):
    """Layers of one shape.

    Attributes:
        name: Of the stack.
        layers: The name of each.
        block: The parts of a layer, one after another.
        inputs: How many units go into it.
        measured: Whether its layers are sites, where the quantities are measured.
    """

    name: str
    layers: tuple[str, ...]
    block: tuple[Part, ...]
    inputs: int
    measured: bool = True

    @property
    def outputs(self) -> int:
        """How many units come out of a layer."""
        return outputs_of(self.block, self.inputs)

    @property
    def carried(self) -> tuple[int, ...]:
        """How many units each array has that a step of time hands on to the next.

        Nothing where layers are no steps.
        """
        return tuple(units for part in self.block for units in part.carried)

    @property
    def recurrent(self) -> bool:
        """Whether its layers are steps of time, with one set of parameters."""
        return bool(self.carried)

    @property
    def sets(self) -> tuple[str, ...]:
        """The name of each set of parameters, by which they are drawn.

        That of each layer, or of the recurrent stack.
        """
        return (self.name,) if self.recurrent else self.layers

    @property
    def parameters(self) -> Parameters:
        """Of one layer, by their bare names."""
        return parameters_of(self.block, self.inputs)

    @property
    def statistics(self) -> Parameters:
        """Of one layer, by their bare names."""
        return statistics_of(self.block, self.inputs)


def stack_of(arrays: dict[str, Any], stack: str) -> dict[str, Any]:
    """The arrays of one stack, by their bare names: `a.weight` becomes `weight`."""
    return {name.partition(".")[2]: a for name, a in arrays.items() if name.startswith(f"{stack}.")}


def joined(stacks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The inverse of `stack_of` for all: `{"a": {"weight": w}}` becomes `{"a.weight": w}`."""
    return {f"{stack}.{name}": a for stack, arrays in stacks.items() for name, a in arrays.items()}
