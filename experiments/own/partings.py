"""What is said of a place where a port parts from its reference: which place it is, and why."""

from __future__ import annotations

from experiments.causes import Finding
from experiments.own.alignment import MOVING
from experiments.own.divergence import Divergence
from experiments.own.port_document import CauseFinding, Parting, Stage
from experiments.own.sides import Sides
from isograd.captured import Place

FRAMEWORK = (
    "running.unbiased",
    "optimizer.place",
    "clipping.epsilon",
    "gradient.kink",
    "activation.constants",
)
"""Causes that are what a framework does by itself, whoever uses it."""


def told(sides: Sides, found: Divergence, findings: list[Finding]) -> int | None:
    """The index of the place that is told: the likeliest cause's, or where it was seen first."""
    if found.own:
        return found.mine
    if findings:
        named = [i for i in found.between_mine if sides.mine[i]["path"] == findings[0].path]
        nearest = found.between_mine[-1] if found.between_mine else found.mine
        return named[0] if named else nearest
    computing = [i for i in found.between_mine if sides.mine[i]["kind"] not in MOVING]
    return next(iter((*computing, *found.between_mine)), found.mine)


def parting(
    stage: Stage,
    place: Place | None,
    other: Place | None,
    error: float,
    tolerance: float,
    findings: list[Finding],
    before: str | None = None,
) -> Parting:
    """What is said of a place where they part.

    Args:
        stage: In which it was seen.
        place: Of the reference; None for the end of the model, or where it is no place's.
        other: Of the port.
        error: How far off it is.
        tolerance: How far off a right port may be.
        findings: The causes, the likeliest first.
        before: The place before which it lies, where it is not the place itself.
    """
    return Parting(
        stage=stage,
        place=spelt(place),
        port_place=spelt(other),
        type=place["type"] if place else "",
        port_type=other["type"] if other else "",
        before=before,
        error=error,
        tolerance=tolerance,
        causes=[_cause(each) for each in findings],
        framework=bool(findings) and findings[0].key in FRAMEWORK,
    )


def _cause(found: Finding) -> CauseFinding:
    return CauseFinding(
        key=found.key,
        said=found.said,
        cure=found.cure,
        page=found.page,
        certainty=found.certainty,
        note=found.note,
    )


def spelt(place: Place | None) -> str:
    """A place as it is told, with its call where that is not the first."""
    if place is None:
        return "(the end)"
    call = f"#{place['call']}" if place["call"] else ""
    return f"{place['path'] or '(model)'}{call}"
