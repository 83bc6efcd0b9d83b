"""What `port` says of a port with mistakes in it, held to where they were planted and what they
are.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from experiments.own.port_document import Parting, Port
from experiments.own.porting import Reference
from tests.ports.faults.fault import END, Fault

Where = Literal["exact", "next door", "elsewhere", "nothing"]
Why = Literal["right", "wrong", "none"]


class Judged(NamedTuple):
    """Of one mistake.

    Attributes:
        place: Where `port` found it; empty where it found nothing.
        where: How near that is to where it was planted, in the order of execution.
        cause: The first cause that is named there; empty where none is.
        why: Whether that is right.
    """

    place: str
    where: Where
    cause: str
    why: Why


def judged(fault: Fault, report: Port, reference: Reference) -> list[Judged]:
    """Each mistake of a fault: alone it must be the first place, among several the nearest one."""
    order = places(reference)
    first = [report.first] if report.first else []
    found = report.divergences if len(fault.places) > 1 else first
    return [
        _one(wanted, causes, found, order)
        for wanted, causes in zip(fault.places, fault.causes, strict=True)
    ]


def places(reference: Reference) -> dict[str, int]:
    """Where each place is in the order of execution; a container is where its last part is."""
    order: dict[str, int] = {}
    count = 0
    for place in reference.captured["places"]:
        call = f"#{place['call']}" if place["call"] else ""
        count += place["kind"] != "container"
        order.setdefault(f"{place['path'] or '(model)'}{call}", count)
    return order


def _one(
    wanted: tuple[str, ...], causes: tuple[str, ...], found: list[Parting], order: dict[str, int]
) -> Judged:
    if not found:
        return Judged("", "nothing", "", "none")
    best = min(
        found, key=lambda each: (_apart(each.place, wanted, order), not _is_right(each, causes))
    )
    cause = best.causes[0].key if best.causes else ""
    why: Why = "right" if _is_right(best, causes) else "wrong" if cause else "none"
    return Judged(best.place, _where(_apart(best.place, wanted, order)), cause, why)


def _is_right(parting: Parting, causes: tuple[str, ...]) -> bool:
    """Whether the first cause is one of those; where none can be known, none is."""
    return parting.causes[0].key in causes if parting.causes else not causes


def _apart(place: str, wanted: tuple[str, ...], order: dict[str, int]) -> float:
    if place in wanted:
        return 0
    return min(
        (abs(order[place] - order[each]) for each in wanted if each in order and place in order),
        default=float("inf"),
    )


def _where(apart: float) -> Where:
    return "exact" if apart == 0 else "next door" if apart <= 1 else "elsewhere"


def check(fault: Fault, reference: Reference) -> None:
    """The planted places are places of the reference.

    Raises:
        ValueError: One is not.
    """
    order = places(reference)
    for wanted in fault.places:
        unknown = [place for place in wanted if place not in order and place != END]
        if unknown:
            raise ValueError(f"{fault.pair} has no place {unknown}; it has {list(order)}")
