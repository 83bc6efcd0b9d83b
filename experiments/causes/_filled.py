"""Cases, filled from what was captured of the two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from experiments.causes._case import Case, Side, equal
from experiments.causes._reading import Reading
from isograd.captured import Captured, Place, Step


def forward_case(
    reference: Captured,
    port: Captured,
    place: Place | None,
    other: Place | None,
    *,
    between_reference: Sequence[Place] = (),
    between_port: Sequence[Place] = (),
    agreed: Sequence[Place] = (),
    after_reference: Sequence[Place] = (),
    after_port: Sequence[Place] = (),
    dialect: str = "",
) -> Case:
    """The case of a value that differs.

    Args:
        reference: As captured, values and all.
        port: Likewise.
        place: Of the reference, whose output differs though its inputs agree. With places between:
            the first one whose *input* differs; None for the end of the model.
        other: The port's counterpart.
        between_reference: Its places after the last that agrees and before `place`.
        between_port: The port's, likewise.
        agreed: Places of the reference before, whose values agree: as many as there are, the
            nearest last.
        after_reference: The reference's places from `place` on, as many as may tell.
        after_port: The port's from `other` on.
        dialect: Of the port's cures: linen or nnx, where the port is JAX; linen if not stated.
    """
    mine = Reading(reference, "")
    its = Reading(port, dialect)
    if place is None or other is None or between_reference or between_port:
        ends = _ends(mine.end(place), its.end(other))
    else:
        ends = (mine.side(place), its.side(other))
    return Case(
        "forward",
        *ends,
        agreed=tuple(mine.side(each) for each in agreed),
        between_reference=tuple(mine.side(each) for each in between_reference),
        between_port=tuple(its.side(each) for each in between_port),
        after_reference=tuple(mine.side(each) for each in after_reference),
        after_port=tuple(its.side(each) for each in after_port),
        layers=reference["layers"],
    )


def backward_case(
    reference: Captured,
    port: Captured,
    place: Place,
    other: Place,
    *,
    follows: Sequence[Place] = (),
    dialect: str = "",
) -> Case:
    """The case of a gradient dL/dy that differs at a place although the values agree.

    Args:
        reference: As captured.
        port: Likewise.
        place: Of the reference: on the way back from the loss the first whose gradient differs.
        other: The port's.
        follows: Those places of the reference after it whose gradients agree, the nearest first.
        dialect: As in `forward_case`.
    """
    mine = Reading(reference, "")
    its = Reading(port, dialect)
    behind = tuple(mine.side(each) for each in follows)
    return Case(
        "backward", mine.side(place), its.side(other), follows=behind, layers=reference["layers"]
    )


def loss_case(reference: Captured, port: Captured, *, dialect: str = "") -> Case:
    """The case of a loss, or of its gradient by the model's output.

    It differs though the outputs agree.
    """
    return Case("loss", Reading(reference, "").loss(), Reading(port, dialect).loss())


def step_case(
    reference: Captured,
    port: Captured,
    reference_steps: Sequence[Step],
    port_steps: Sequence[Step],
    names: Mapping[str, str],
    *,
    dialect: str = "",
) -> Case:
    """The case of an update that differs.

    Args:
        reference: Captured before the first step: its parameters are where the steps start.
        port: Likewise.
        reference_steps: With arrays.
        port_steps: As many.
        names: The path of the port's layer by that of the reference's; layers that are not in it
            are left out.
        dialect: As in `forward_case`.
    """
    own = {path: path for path in names}
    mine = Reading(reference, "").stepped(reference_steps, own)
    return Case("step", mine, Reading(port, dialect).stepped(port_steps, names))


def statistics_case(
    reference: Captured, port: Captured, place: Place, other: Place, *, dialect: str = ""
) -> Case:
    """The case of running statistics that differ after a pass of a normalization on equal inputs.

    Args:
        reference: As captured.
        port: Likewise.
        place: The normalization.
        other: The port's.
        dialect: As in `forward_case`.
    """
    mine = Reading(reference, "").side(place)
    its = Reading(port, dialect).side(other)
    mine = replace(mine, after=reference["statistics"].get(place["path"], {}))
    return Case("step", mine, replace(its, after=port["statistics"].get(other["path"], {})))


def _ends(mine: list[Side], its: list[Side]) -> tuple[Side, Side]:
    """The first pair that differs of what goes into a place."""
    for a, b in zip(mine, its, strict=False):
        if not equal(a.output, b.output):
            return a, b
    return mine[0], its[0]
