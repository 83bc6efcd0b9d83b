"""Lanes: jobs of one backend in order, done by one worker.

Into how many the jobs are divided, and which start first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from backends import DEFINITION
from experiments.executor import Worker
from experiments.jobs import Job

FIRST = (DEFINITION, "keras", "jax", "torch")
"""The order in which lanes start: what the others need, then the longest work, so that the cores
end together."""

LANES = {DEFINITION: 2, "torch": 8}
"""Into how many a backend's jobs are divided: those whose workers start soon and compile nothing
fill the cores to the end."""

SHORTEST_LANE = 2

STARTS = 2
"""How often a worker may die before it is ready until its lane is given up."""

LOSSES = 3
"""How often a run may lose its machine until it counts as what brings machines down."""


@dataclass(eq=False)
class Lane:
    """The jobs of one backend, and the worker that does them.

    What another command was busy with comes last, and is then waited for.

    Attributes:
        place: The backend and the processor, which a worker is started for.
    """

    name: str
    jobs: deque[Job]
    place: tuple[str, str] = ("", "")
    worker: Worker | None = None
    current: Job | None = None
    ready: bool = False
    busy: set[str] = field(default_factory=set)
    deaths: int = 0
    losses: int = 0
    broken: str | None = None

    @property
    def displaced(self) -> bool:
        """Whether it is to leave references, and its worker waits for a machine."""
        return (
            bool(self.jobs)
            and self.jobs[0].defines
            and self.worker is not None
            and not self.worker.placed
        )

    def take_over(self, other: Lane) -> None:
        """Do what another lane was to do, with the worker that this one has."""
        self.name = other.name
        self.jobs = other.jobs
        self.busy = other.busy


def lanes(jobs: Iterable[Job], least: Callable[[str], int] = lambda device: 1) -> list[Lane]:
    """Jobs by backend and processor, those of one structure together.

    A worker keeps the program that it compiled last.

    Args:
        jobs: What is to be done.
        least: Into how many lanes the jobs on a device are divided at least, if there are as many.
    """
    found: list[Lane] = []
    for same in sorted(_grouped(jobs, lambda one: one.backend), key=_turn):
        name = same[0].backend
        count = max(LANES.get(name, 1), least(same[0].device))
        size = max(SHORTEST_LANE, -(-len(same) // count))
        parts: list[list[Job]] = []
        for alike in _grouped(same, lambda one: one.processor):
            ordered = [
                one for group in _grouped(alike, lambda one: one.plan.structure()) for one in group
            ]
            parts += [ordered[i : i + size] for i in range(0, len(ordered), size)]
        names = (
            [name]
            if len(parts) == 1
            else [f"{name} ({i} of {len(parts)})" for i in range(1, len(parts) + 1)]
        )
        found += [
            Lane(lane, deque(part), (name, part[0].processor))
            for lane, part in zip(names, parts, strict=True)
        ]
    return found


def _turn(jobs: list[Job]) -> int:
    return FIRST.index(jobs[0].backend) if jobs[0].backend in FIRST else len(FIRST)


def _grouped(jobs: Iterable[Job], key: Callable[[Job], Hashable]) -> list[list[Job]]:
    """Jobs with equal keys together, in the order in which the keys come first."""
    groups: dict[Hashable, list[Job]] = {}
    for one in jobs:
        groups.setdefault(key(one), []).append(one)
    return list(groups.values())
