"""The runner: brings plans to workers, one worker process a backend, and outlives them all.

A lane is jobs of one backend in order, done by one worker with one thread. There are at most as many workers at once as
there are cores; a lane waits for its turn. A worker that dies costs the run in flight, and a new one goes on with the rest.

The definition runs first: its runs leave the references that the frameworks' steps are compared with, in a folder that is there
while the runner works. What it takes to know a plan's rounding is done once, and not in each framework's worker.
"""

from __future__ import annotations

import os
import queue
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from backends import DEFINITION
from common.plan import Plan
from experiments import ending
from experiments.findings.outcome import Outcome
from experiments.process import WorkerProcess
from experiments.store import Run, Store
from experiments.versions import versions

FIRST = (DEFINITION, "keras", "jax", "torch")
"""The order in which lanes start: what the others need, then the longest work, so that the cores end together."""

LANES = {DEFINITION: 2, "torch": 2}
"""Into how many a backend's jobs are divided: those whose workers start soon and compile nothing fill the cores to the end."""

SHORTEST_LANE = 2

STARTS = 2
"""How often a worker may die before it is ready until its lane is given up."""


class Job(NamedTuple):
    """One run that is to be done."""

    backend: str
    name: str
    plan: Plan
    run_id: str
    device: str

    @property
    def defines(self) -> bool:
        """Whether it leaves the references of its plan."""
        return self.backend == DEFINITION


class Watcher(Protocol):
    """Whoever shows progress."""

    def start(self, lane: str, jobs: list[Job]) -> None:
        """A lane has begun."""
        ...

    def progress(self, lane: str, job: Job, steps: int) -> None:
        """So many steps of a run are done."""
        ...

    def ended(self, lane: str, job: Job, outcome: str) -> None:
        """A run has ended: `finished`, or the reason why not."""
        ...


def job(backend: str, name: str, plan: Plan, device: str) -> Job:
    """A job with its run id. The definition always runs on the processor."""
    device = "cpu" if backend == DEFINITION else device
    return Job(backend, name, plan, plan.run_id(backend, device, versions(backend)), device)


def jobs_of(plans: dict[str, Plan], backends: Iterable[str], device: str) -> list[Job]:
    """Every plan on every backend."""
    return [job(backend, name, plan, device) for backend in backends for name, plan in plans.items()]


def missing(jobs: list[Job], have: Collection[str]) -> list[Job]:
    """The jobs whose runs there are not, and the definition's for every framework's among them: it leaves the references."""
    todo = {one.run_id: one for one in jobs if one.run_id not in have}
    compared = {one.plan for one in todo.values() if one.backend != DEFINITION}
    return list(({one.run_id: one for one in jobs if one.defines and one.plan in compared} | todo).values())


@dataclass(eq=False)
class Lane:
    """The jobs of one backend, and the worker that does them.

    What another command was busy with comes last, and is then waited for.
    """

    name: str
    jobs: deque[Job]
    worker: WorkerProcess | None = None
    current: Job | None = None
    ready: bool = False
    busy: set[str] = field(default_factory=set)
    deaths: int = 0
    broken: str | None = None

    def leaves(self, plan: Plan) -> bool:
        """Whether it has still to leave the references of a plan."""
        return any(one.defines and one.plan == plan for one in (*self.jobs, *filter(None, [self.current])))


@dataclass
class Runner:
    """Runs jobs until all are in the store or have failed.

    Attributes:
        fresh: Run also what the store has, or another command is doing.
    """

    store: Store
    watcher: Watcher
    threads: int = 1
    fresh: bool = False
    at_once: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    failures: dict[str, Outcome] = field(default_factory=dict)
    inbox: queue.Queue[Any] = field(default_factory=queue.Queue)
    active: list[Lane] = field(default_factory=list)
    compared: set[Plan] = field(default_factory=set)
    references: str = ""

    def run(self, jobs: list[Job]) -> dict[str, Outcome]:
        """Do the jobs.

        Returns:
            The failures by run id; every other run is in the store.
        """
        self.compared = {one.plan for one in jobs if one.backend != DEFINITION}
        with ending.temporary_folder() as self.references:
            self._work(deque(lanes(jobs)))
        return self.failures

    def _work(self, waiting: deque[Lane]) -> None:
        try:
            while waiting or self.active:
                while waiting and len(self.active) < self.at_once:
                    self._begin(waiting.popleft())
                worker, message = self.inbox.get()
                lane = next(lane for lane in self.active if lane.worker is worker)
                self._hear(lane, message) if message else self._ended(lane)
                self._wake()
        finally:
            for lane in self.active:
                if lane.worker:
                    lane.worker.kill()

    def _begin(self, lane: Lane) -> None:
        self.active.append(lane)
        self.watcher.start(lane.name, list(lane.jobs))
        self._start_worker(lane)

    def _start_worker(self, lane: Lane) -> None:
        lane.ready = False
        lane.worker = WorkerProcess(lane.jobs[0].backend, self.store, self.threads, self.at_once == 1, self.inbox)

    def _hear(self, lane: Lane, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ready":
                lane.ready = True
                self._next(lane)
            case "progress" if lane.current:
                self.watcher.progress(lane.name, lane.current, message["steps"])
            case "finished" if lane.current:
                self.watcher.ended(lane.name, lane.current, "finished")
                self._next(lane)
            case "busy" if lane.current:
                lane.busy.add(lane.current.run_id)
                lane.jobs.append(lane.current)
                self._next(lane)
            case "failed":
                self._fail(lane, Outcome(message["kind"], message["reason"]))
                self._next(lane)
            case "broken":
                lane.broken = message["reason"]

    def _next(self, lane: Lane) -> None:
        """Give a lane's worker its next job; a framework's waits, imported, until the definition has left the references."""
        assert lane.worker
        lane.current = None
        if lane.jobs and self._awaited(lane.jobs[0]):
            return
        lane.current = lane.jobs.popleft() if lane.jobs else None
        if lane.current is None:
            lane.worker.stop()
        else:
            fields = {"run_id": lane.current.run_id, "device": lane.current.device, "reference": self._reference(lane.current)}
            fields |= {"fresh": self.fresh, "wait": lane.current.run_id in lane.busy}
            lane.worker.send(fields | {"plan": lane.current.plan.model_dump(mode="json")})

    def _awaited(self, job: Job) -> bool:
        return not job.defines and any(lane.leaves(job.plan) for lane in self.active)

    def _wake(self) -> None:
        """Give those lanes their next jobs that waited for references."""
        for lane in self.active:
            if lane.ready and lane.jobs and lane.current is None:
                self._next(lane)

    def _reference(self, job: Job) -> str | None:
        """The file of the references of a job's plan; None where nothing is compared."""
        return f"{self.references}/{job.plan.digest()}.npz" if job.plan in self.compared else None

    def _fail(self, lane: Lane, outcome: Outcome) -> None:
        assert lane.current
        self.failures[lane.current.run_id] = outcome
        self.watcher.ended(lane.name, lane.current, outcome.reason or outcome.status)
        lane.current = None

    def _ended(self, lane: Lane) -> None:
        """A worker is no more: go on with another one, or give the lane up, or be done with it."""
        assert lane.worker
        if lane.current:
            self._fail(lane, Outcome("crashed", lane.worker.reason()))
        elif not lane.ready:
            lane.deaths += 1
            if lane.broken or lane.deaths == STARTS:
                self._give_up(lane, lane.broken or lane.worker.reason())
        lane.worker.close()
        if lane.jobs:
            self._start_worker(lane)
        else:
            self.active.remove(lane)

    def _give_up(self, lane: Lane, reason: str) -> None:
        while lane.jobs:
            lane.current = lane.jobs.popleft()
            self._fail(lane, Outcome("crashed", reason))


def lanes(jobs: Iterable[Job]) -> list[Lane]:
    """Jobs by backend, those of one structure one after another: a worker keeps the program that it compiled last."""
    groups: dict[str, dict[str, list[Job]]] = {}
    for one in jobs:
        groups.setdefault(one.backend, {}).setdefault(one.plan.structure(), []).append(one)
    found: list[Lane] = []
    for name in sorted(groups, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST)):
        ordered = [one for group in groups[name].values() for one in group]
        size = max(SHORTEST_LANE, -(-len(ordered) // LANES.get(name, 1)))
        parts = [ordered[i : i + size] for i in range(0, len(ordered), size)]
        names = [name] if len(parts) == 1 else [f"{name} ({i} of {len(parts)})" for i in range(1, len(parts) + 1)]
        found += [Lane(lane, deque(part)) for lane, part in zip(names, parts, strict=True)]
    return found


def stored(jobs: Iterable[Job], store: Store) -> dict[str, Run]:
    """The runs that the store has, by run id."""
    found = {one.run_id: (one, store.load(one.run_id)) for one in jobs}
    return {run_id: run for run_id, (one, run) in found.items() if run and run.is_of(one.plan, one.backend)}
