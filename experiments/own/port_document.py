"""What `port` says of two models.

    python -m experiments.port torch=mine_torch.py keras=mine_keras.py --json port.json

| field               | meaning                                                                    |
|---------------------|----------------------------------------------------------------------------|
| schema              | 1                                                                          |
| command             | the command line                                                           |
| reference, port     | file, backend, versions, loss                                              |
| ok                  | whether all that was compared agrees, but for what the frameworks do by    |
|                     | themselves                                                                 |
| divergences         | where they part, the first one first; each after the reference's value was |
|                     | put in at those before                                                     |
| . stage             | forward, backward, loss, step or statistics                                |
| . place, port_place | the paths; of a fault that lies between two places, `place` is where the   |
|                     | likeliest cause is                                                         |
| . before            | of a value: the place before which it lies; null where it is the place     |
|                     | itself                                                                     |
| . error, tolerance  | the largest difference as a share of the largest number, and what a right  |
|                     | port may be off by                                                         |
| . causes            | the likeliest first: key, said, cure, page, certainty, note; empty where   |
|                     | none is known                                                              |
| . framework         | whether it is what the port's framework does by itself, whoever uses it    |
| tree                | the reference's places in the order of execution, each with its            |
|                     | counterpart, errors and tolerances                                         |
| carried             | layers: the port's by the reference's; by: how each was found; lacking:    |
|                     | what has no counterpart                                                    |
| starts              | layers whose weights were of another size before they were carried: by     |
|                     | path, the rms of both                                                      |
| losses              | of each step, of both                                                      |
| judged              | the stages that were compared                                              |
| remarks             | what could not be seen into, and what was changed                          |
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from experiments.findings.document import Finding, Number

Stage = Literal["forward", "backward", "loss", "step", "statistics"]


class Model(Finding):
    """One of the two."""

    file: str
    backend: str
    versions: dict[str, str]
    loss: Number


class CauseFinding(Finding):
    """Why they part."""

    key: str
    said: str
    cure: str
    page: str | None
    certainty: str
    note: str


class Parting(Finding):
    """Where they part."""

    stage: Stage
    place: str
    port_place: str
    type: str
    port_type: str
    before: str | None = None
    error: Number
    tolerance: Number
    causes: list[CauseFinding]
    framework: bool


class Branch(Finding):
    """A place of the tree."""

    path: str
    type: str
    port_path: str | None
    port_type: str | None
    value: Number = None
    value_tolerance: Number = None
    gradient: Number = None
    gradient_tolerance: Number = None
    mark: Literal[
        "agrees",
        "parts",
        "gradient parts",
        "follows",
        "reordered",
        "not compared",
        "cannot be judged",
    ]


class CarriedFinding(Finding):
    """Which layer is which."""

    layers: dict[str, str]
    by: dict[str, str]
    lacking: list[str]


class Port(Finding):
    """The comparison."""

    version: Literal[1] = Field(default=1, alias="schema")
    command: str
    reference: Model
    port: Model
    ok: bool
    divergences: list[Parting]
    tree: list[Branch]
    carried: CarriedFinding
    starts: dict[str, tuple[Number, Number]]
    losses: list[tuple[Number, Number]]
    judged: list[Stage]
    remarks: list[str]

    @property
    def first(self) -> Parting | None:
        """Where they part first; what the framework does by itself comes last."""
        return min(self.divergences, key=lambda each: each.framework, default=None)

    def to_json(self) -> str:
        """The JSON text, indented."""
        return self.model_dump_json(by_alias=True, indent=2)
