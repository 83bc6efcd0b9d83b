"""Why a port parts from its reference where it does.

The causes that reproduce its numbers, at each stage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.causes import (
    Case,
    Finding,
    backward_case,
    explain,
    forward_case,
    loss_case,
    statistics_case,
    step_case,
)
from experiments.own import divergence
from experiments.own.divergence import Divergence
from experiments.own.sides import Sides
from isograd.captured import Captured, Place, Step

AFTER = 12
"""Places after the one where they part that a cause is told from: attention that is written out has
about ten."""


def value(sides: Sides, found: Divergence) -> tuple[Divergence, list[Finding]]:
    """The causes, of the difference where it was found, or else as the next places see it."""
    findings = explain(_forward_case(sides, found))
    for seen in () if findings else divergence.as_used(sides, found):
        later = explain(_forward_case(sides, seen))
        if later:
            return seen, later
    return found, findings


def gradient(
    sides: Sides, place: Place, other: Place, follows: Sequence[Place] = ()
) -> list[Finding]:
    """The causes of a gradient that parts though values agree.

    `follows` are the reference's places whose gradient agrees.
    """
    return explain(
        backward_case(
            sides.reference, sides.port, place, other, follows=follows, dialect=sides.port["api"]
        )
    )


def loss(sides: Sides) -> list[Finding]:
    """The causes of another loss of the same output."""
    return explain(loss_case(sides.reference, sides.port, dialect=sides.port["api"]))


def step(
    sides: Sides, start: Captured, mine: list[Step], its: list[Step], carried: Mapping[str, str]
) -> list[Finding]:
    """The causes of steps that part; `start` is the port before any value was put in."""
    return explain(step_case(sides.reference, start, mine, its, carried, dialect=sides.port["api"]))


def statistics(sides: Sides, place: Place, other: Place) -> list[Finding]:
    """The causes of running statistics that part after the pass."""
    return explain(
        statistics_case(sides.reference, sides.port, place, other, dialect=sides.port["api"])
    )


def _forward_case(sides: Sides, found: Divergence) -> Case:
    mine = None if found.mine is None else sides.mine[found.mine]
    its = None if found.its is None else sides.its[found.its]
    limit = len(sides.mine) if found.mine is None else found.mine
    agreed = [
        pair.mine for pair in sides.alignment.pairs if sides.agrees(pair) and pair.mine < limit
    ]
    return forward_case(
        sides.reference,
        sides.port,
        mine,
        its,
        between_reference=[sides.mine[i] for i in found.between_mine],
        between_port=[sides.its[j] for j in found.between_its],
        agreed=[sides.mine[i] for i in agreed],
        after_reference=[] if found.mine is None else _from(sides.mine, found.mine),
        after_port=[] if found.its is None else _from(sides.its, found.its),
        dialect=sides.port["api"],
    )


def _from(places: list[Place], start: int) -> list[Place]:
    """The places from one on, of which so many are looked at."""
    return [place for place in places[start:] if place["kind"] != "container"][:AFTER]
