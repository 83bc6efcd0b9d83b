"""What every spec has in common: frozen, strict about its keys and its numbers, JSON both ways."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, BeforeValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from common.part import Parameters, Part


def _strict(schema: Any) -> Any:
    match schema:
        case {"type": "int" | "float" | "bool"}:
            return schema | {"strict": True}
        case {"type": "literal", "expected": [int(), *_] as known}:
            return core_schema.no_info_before_validator_function(_NoBool(known), schema)
        case dict():
            return {
                key: value if key == "metadata" else _strict(value) for key, value in schema.items()
            }
        case list() | tuple():
            return type(schema)(map(_strict, schema))
        case _:
            return schema


class _NoBool:
    """Refuses `false` for a literal 0, to which it is equal in Python."""

    def __init__(self, known: Sequence[int]) -> None:
        self.known = " or ".join(map(str, known))

    def __call__(self, value: Any) -> Any:
        if isinstance(value, bool):
            raise PydanticKnownError("literal_error", {"expected": self.known})
        return value


class Spec(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """A frozen record of numbers.

    Unknown keys, NaN and infinity are refused, and what only looks like a number.

    `true` is not 1, `"1.0"` is not 1.0, and 3.0 is no count; a whole number is a floating-point one
    as well.
    """

    traced: ClassVar[tuple[str, ...]] = ()
    """The numbers that a compiled step takes as inputs, so that specs that differ only in them
    share one."""
    starts: ClassVar[tuple[str, ...]] = ()
    """The numbers of what training begins with, which enter no step."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Pydantic's own schema of the model, with every number in it strict."""
        return _strict(handler(source))

    def digest(self) -> str:
        """Sixteen hexadecimal digits that change when any number of the spec does."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


class PartSpec(Spec, frozen=True):
    """A countermeasure that is a part of a network.

    It has no parameters, and an output for each input, unless it says so.
    """

    @property
    def room(self) -> str:
        """The room of each wing that computes it, which has the name of the file of the spec."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def inner(self) -> tuple[Part, ...]:
        """The parts that it holds: none."""
        return ()

    def parameters(self, units: int) -> Parameters:
        """What is trained of it in one layer, for so many units that go in."""
        return {}

    def statistics(self, units: int) -> Parameters:
        """What it keeps of the batches of one layer, for evaluation."""
        return {}

    def outputs(self, units: int) -> int:
        """How many units come out."""
        return units

    @property
    def carried(self) -> tuple[int, ...]:
        """What a step of time hands on to the next: nothing."""
        return ()


def _kind_from_name(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


BY_NAME = BeforeValidator(_kind_from_name)
"""Lets a countermeasure be written by its bare name: `activation = "relu"` for
`{kind = "relu"}`."""


def kinds_of(union: Any) -> tuple[type[Spec], ...]:
    """The specs of a union of countermeasures, in its order.

    Whatever is done for all kinds is done for these.
    """
    if isinstance(union, type) and issubclass(union, Spec):
        return (union,)
    return tuple(kind for member in get_args(union) for kind in kinds_of(member))
