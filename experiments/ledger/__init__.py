"""The ledger of differences: what PyTorch, Keras and JAX ship under a name, what makes them equal.

An entry is data, in the files beside this one, a family each. Tests hold every shipped value to the
installed packages, and every cure to the two other frameworks, in values and gradients
(tests/test_ledger.py).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from backends import FRAMEWORKS
from common.line import value
from common.network import Arrays

FAMILIES = Path(__file__).parent

Kind = Literal[
    "expression", "function", "loss", "layer", "image", "start", "clip", "optimizer", "setting"
]
"""How a line is tried: `backends/torch/trial.py`; a setting is of a whole process, and its line is
run in one of its own."""

Piece = Literal["affine", "norm", "activation", "loss", "clip", "optimizer"]
"""Which part of the deep network a line is, where it is one (backends/torch/deep.py)."""


class Entry(BaseModel):
    """What all tables of the ledger are: read as they stand, and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


Held = TypeVar("Held")


class ByFramework(Entry, Generic[Held]):
    """One thing in each framework."""

    torch: Held
    keras: Held
    jax: Held

    def of(self, framework: str) -> Held:
        """The thing in a framework."""
        return getattr(self, framework)


Lines = ByFramework[str]
"""A line in each framework."""


class Shipped(Entry):
    """What a framework ships: where it is read, and what it says."""

    of: str
    """An expression in the framework, read off the installed package or measured."""
    value: Any = Field(alias="is")
    """What it says on the versions that this project pins: a number, a word, a truth, or a list of
    them."""


class Trial(Entry):
    """How native lines and cures are tried."""

    kind: Kind
    native: Lines
    """What a reader writes who trusts the names."""
    cured: Lines
    """What makes the three equal, every number stated."""
    frame: Lines | None = None
    """What stands around the line, `{line}` where it stands, if that is more than the kind does by
    itself."""
    given: dict[str, str] = {}
    """What goes in: expressions in NumPy by name; `rng` is a generator with the seed 0."""
    outputs: tuple[str, ...] = ()
    """Which of the numbers that come out it is about; all of them, where none is named."""
    within: float = 1e-12
    """How far cured numbers may be apart, as a share of the largest."""
    why_within: str | None = None
    """What keeps them apart, where it is more than rounding in float64."""
    piece: Piece | None = None
    """Which part of the deep network the line is, if it is one."""
    network: dict[str, str] = {}
    """Another network in which the line's effect is measured, `{line}` where it stands, by
    framework (common/deep.py)."""
    base: dict[str, str] = {}
    """What of the deep network is otherwise than usual: its numbers by name."""

    def line(self, form: Literal["native", "cured"], framework: str) -> str:
        """What is run in a framework."""
        own = getattr(self, form).of(framework)
        return self.frame.of(framework).replace("{line}", own) if self.frame else own

    def measured_in(self, form: Literal["native", "cured"], framework: str) -> str:
        """The network of its own with the line in it."""
        return self.network[framework].replace("{line}", getattr(self, form).of(framework))

    def inputs(self) -> Arrays:
        """What goes in, drawn anew and always the same."""
        names: dict[str, Any] = {"np": np, "rng": np.random.default_rng(0)}
        for name, expression in self.given.items():
            names[name] = np.asarray(value(expression, names))
        return {name: names[name] for name in self.given}

    def departs(self) -> list[str]:
        """The frameworks whose native line is not the cure."""
        return [name for name in FRAMEWORKS if self.native.of(name) != self.cured.of(name)]


class Difference(Entry):
    """One thing that differs between the frameworks under one name."""

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """By which it is linked to."""
    question: str = Field(pattern=r"\?$")
    """As people ask it."""
    words: tuple[str, ...] = Field(min_length=3)
    """By which it is found: the frameworks' names and arguments, and how people speak of it."""
    surprised: str
    """Who is surprised, by what."""
    source: tuple[str, ...] = Field(min_length=1)
    """Where it is written: a file of an installed package and what to look for in it, or the
    address of a page or thread."""
    shipped: ByFramework[Shipped]
    trial: Trial
    mapping: str | None = None
    """How one framework's argument becomes another's, where it is not the same number."""
    room: str | None = None
    """The countermeasure it belongs to, if it is one of this project's."""


class Family(BaseModel):
    """A file of the ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    frames: dict[str, Lines] = {}
    """What several entries put around their lines."""
    networks: dict[str, dict[str, str]] = {}
    """Networks in which several entries are measured, by framework."""
    difference: tuple[dict[str, Any], ...]

    def entries(self) -> Iterator[Difference]:
        """Its entries; one that names a frame or a network gets it."""
        for entry in self.difference:
            trial = dict(entry["trial"])
            if isinstance(trial.get("frame"), str):
                trial["frame"] = self.frames[trial["frame"]]
            if isinstance(trial.get("network"), str):
                trial["network"] = self.networks[trial["network"]]
            yield Difference.model_validate({**entry, "trial": trial})


@cache
def families() -> dict[str, Family]:
    """The files of the ledger by name, in their order."""
    return {
        path.stem: Family.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        for path in sorted(FAMILIES.glob("*.toml"))
    }


@cache
def entries() -> dict[str, Difference]:
    """All differences by name, family by family."""
    found = [entry for family in families().values() for entry in family.entries()]
    return {entry.name: entry for entry in found}
