"""The runner: brings plans to workers, and outlives them all. Where workers are is the executor's to know.

A lane is jobs of one backend in order, done by one worker with one thread. There are at most as many workers at once as
there are cores; a lane waits for its turn. A worker that dies costs the run in flight, and a new one goes on with the rest;
where its machine went with it, the run in flight is tried again.

The definition runs first: its runs leave the references that the frameworks' steps are compared with, in a folder that is there
while the runner works. What it takes to know a plan's rounding is done once, and not in each framework's worker.
"""

from __future__ import annotations

import queue
from collections import Counter, deque
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from backends import DEFINITION
from common.plan import Plan
from experiments import ending
from experiments.executor import Executor, Inbox, Processes, Worker
from experiments.findings.outcome import Outcome
from experiments.store import Run, Store
from experiments.versions import versions

FIRST = (DEFINITION, "keras", "jax", "torch")
"""The order in which lanes start: what the others need, then the longest work, so that the cores end together."""

LANES = {DEFINITION: 2, "torch": 3}
"""Into how many a backend's jobs are divided: those whose workers start soon and compile nothing fill the cores to the end."""

SHORTEST_LANE = 2

STARTS = 2
"""How often a worker may die before it is ready until its lane is given up."""

LOSSES = 3
"""How often a run may lose its machine until it counts as what brings machines down."""

VersionsOf = Callable[[str, Plan, str], dict[str, str]]
"""What enters the run id of a plan on a backend and a device, beside these."""


class Job(NamedTuple):
    """One run that is to be done."""

    backend: str
    name: str
    plan: Plan
    run_id: str
    device: str
    processor: str = ""
    """Of what name the processor is that the run id was made for, where there are several."""

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

    def where(self, text: str) -> None:
        """Where the lanes are at work, if it is not here."""
        ...

    def say(self, text: str) -> None:
        """Something that a reader should know now."""
        ...


def versions_here(backend: str, plan: Plan, device: str) -> dict[str, str]:
    """Those of this machine, for every plan."""
    return versions(backend)


def job(backend: str, name: str, plan: Plan, device: str, versions_of: VersionsOf = versions_here) -> Job:
    """A job with its run id. The definition always runs on the processor."""
    device = "cpu" if backend == DEFINITION else device
    found = versions_of(backend, plan, device)
    return Job(backend, name, plan, plan.run_id(backend, device, found), device, found["processor"])


def jobs_of(plans: dict[str, Plan], backends: Iterable[str], device: str, versions_of: VersionsOf = versions_here) -> list[Job]:
    """Every plan on every backend."""
    return [job(backend, name, plan, device, versions_of) for backend in backends for name, plan in plans.items()]


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
        return bool(self.jobs) and self.jobs[0].defines and self.worker is not None and not self.worker.placed


@dataclass
class Runner:
    """Runs jobs until all are in the store or have failed.

    Attributes:
        fresh: Run also what the store has, or another command is doing.
        waiting: Lanes whose turn has not come.
        active: Lanes that have a worker; there may be thousands, so that nothing walks through them at each message.
        owners: Active lanes by their workers.
        starting: Lanes that were to leave references, and whose workers had to wait for a machine when they were started.
        idle: Active lanes whose workers are ready and wait for references, by the plan.
        compared: By plan, how many frameworks' runs have still to be judged.
        undefined: Plans whose references are still to come.
    """

    store: Store
    watcher: Watcher
    executor: Executor = field(default_factory=Processes)
    fresh: bool = False
    failures: dict[str, Outcome] = field(default_factory=dict)
    inbox: Inbox = field(default_factory=queue.Queue)
    waiting: deque[Lane] = field(default_factory=deque)
    active: list[Lane] = field(default_factory=list)
    owners: dict[Worker, Lane] = field(default_factory=dict)
    starting: deque[Lane] = field(default_factory=deque)
    idle: dict[Plan, list[Lane]] = field(default_factory=dict)
    compared: Counter[Plan] = field(default_factory=Counter)
    undefined: set[Plan] = field(default_factory=set)
    references: str = ""

    def run(self, jobs: list[Job]) -> dict[str, Outcome]:
        """Do the jobs.

        Returns:
            The failures by run id; every other run is in the store.
        """
        self.compared = Counter(one.plan for one in jobs if one.backend != DEFINITION)
        self.undefined = {one.plan for one in jobs if one.defines}
        self.waiting = deque(lanes(jobs, self.executor.lanes))
        with ending.temporary_folder() as self.references:
            self._work()
        return self.failures

    def _work(self) -> None:
        try:
            while self.waiting or self.active:
                while self.waiting and len(self.active) < self.executor.at_once and not self._displaced():
                    self._begin(self.waiting.popleft())
                worker, message = self.inbox.get()
                if lane := self.owners.get(worker):  # else it has made room, and what it says no longer counts
                    self._hear(lane, message) if message else self._ended(lane)
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
        lane.worker = self.executor.start(lane.jobs[0], self.store, self.inbox)
        self.owners[lane.worker] = lane
        if lane.displaced:
            self.starting.append(lane)
            for waiting in [one for lanes in self.idle.values() for one in lanes]:
                self._make_room(waiting)
        self._say_where()

    def _say_where(self) -> None:
        self.watcher.where(self.executor.where(len(self.active)))

    def _hear(self, lane: Lane, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ready":
                lane.ready = True
                self._next(lane)
            case "progress" if lane.current:
                self.watcher.progress(lane.name, lane.current, message["steps"])
            case "finished" if lane.current:
                self._done(lane, "finished")
                self._next(lane)
            case "busy" if lane.current:
                lane.busy.add(lane.current.run_id)
                lane.jobs.append(lane.current)
                self._next(lane)
            case "failed" if lane.current:
                self._fail(lane, Outcome(message["kind"], message["reason"]))
                self._next(lane)
            case "broken":
                lane.broken = message["reason"]

    def _next(self, lane: Lane) -> None:
        """Give a lane's worker its next job; a framework's waits, imported, until the definition has left the references."""
        assert lane.worker
        lane.current = None
        if lane.jobs and self._awaited(lane.jobs[0]):
            self.idle.setdefault(lane.jobs[0].plan, []).append(lane)
            if self._displaced():
                self._make_room(lane)
            return
        lane.current = lane.jobs.popleft() if lane.jobs else None
        if lane.current is None:
            lane.worker.stop()
        else:
            fields = {"run_id": lane.current.run_id, "device": lane.current.device, "reference": self._reference(lane.current)}
            fields |= {"fresh": self.fresh, "wait": lane.current.run_id in lane.busy}
            lane.worker.send(fields | {"plan": lane.current.plan.model_dump(mode="json")})

    def _awaited(self, job: Job) -> bool:
        return not job.defines and job.plan in self.undefined

    def _wake(self, plan: Plan) -> None:
        """A plan's references are there, or will never be: give those lanes their next jobs that waited for them."""
        self.undefined.discard(plan)
        for lane in self.idle.pop(plan, []):
            self._next(lane)

    def _displaced(self) -> bool:
        """Whether the definition waits for a machine: who waits for its references must not hold that machine."""
        while self.starting and not self.starting[0].displaced:
            self.starting.popleft()
        return bool(self.starting)

    def _make_room(self, lane: Lane) -> None:
        """End a worker that waits; its lane waits for its turn again."""
        self._forget(lane)
        lane.worker.kill()  # pyright: ignore[reportOptionalMemberAccess]
        lane.worker, lane.ready = None, False
        self.active.remove(lane)
        self.waiting.append(lane)
        self._say_where()

    def _forget(self, lane: Lane) -> None:
        """A lane's worker counts no longer."""
        assert lane.worker
        del self.owners[lane.worker]
        if lane.jobs and lane in self.idle.get(lane.jobs[0].plan, []):
            self.idle[lane.jobs[0].plan].remove(lane)

    def _reference(self, job: Job) -> str | None:
        """The file of the references of a job's plan; None where nothing is compared."""
        return str(self._path(job.plan)) if job.plan in self.compared else None

    def _path(self, plan: Plan) -> Path:
        return Path(self.references, f"{plan.digest()}.npz")

    def _fail(self, lane: Lane, outcome: Outcome) -> None:
        assert lane.current
        self.failures[lane.current.run_id] = outcome
        self._done(lane, outcome.reason or outcome.status)

    def _done(self, lane: Lane, outcome: str) -> None:
        """A run has ended; references that nobody will ask for any more go."""
        job = lane.current
        assert job
        self.watcher.ended(lane.name, job, outcome)
        lane.current, lane.losses = None, 0
        if job.defines:
            self._wake(job.plan)
        elif job.backend != DEFINITION:
            self.compared[job.plan] -= 1
            if not self.compared[job.plan]:
                self._path(job.plan).unlink(missing_ok=True)

    def _ended(self, lane: Lane) -> None:
        """A worker is no more: go on with another one, or give the lane up, or be done with it."""
        assert lane.worker
        self._forget(lane)
        if lane.worker.lost and lane.losses < LOSSES - 1:
            self._take_back(lane)
        elif lane.current:
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
            self._say_where()

    def _take_back(self, lane: Lane) -> None:
        """The machine is lost: the run in flight is the next one again."""
        assert lane.worker
        lane.losses += 1
        if lane.current:
            self.watcher.progress(lane.name, lane.current, 0)
            self.watcher.say(f"{lane.name}: {lane.current.name}: {lane.worker.reason()}; it is tried again")
            lane.jobs.appendleft(lane.current)
            lane.current = None

    def _give_up(self, lane: Lane, reason: str) -> None:
        while lane.jobs:
            lane.current = lane.jobs.popleft()
            self._fail(lane, Outcome("crashed", reason))


def lanes(jobs: Iterable[Job], least: Callable[[str], int] = lambda device: 1) -> list[Lane]:
    """Jobs by backend and processor, those of one structure together: a worker keeps the program that it compiled last.

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
            ordered = [one for group in _grouped(alike, lambda one: one.plan.structure()) for one in group]
            parts += [ordered[i : i + size] for i in range(0, len(ordered), size)]
        names = [name] if len(parts) == 1 else [f"{name} ({i} of {len(parts)})" for i in range(1, len(parts) + 1)]
        found += [Lane(lane, deque(part)) for lane, part in zip(names, parts, strict=True)]
    return found


def _turn(jobs: list[Job]) -> int:
    return FIRST.index(jobs[0].backend) if jobs[0].backend in FIRST else len(FIRST)


def _grouped(jobs: Iterable[Job], key: Callable[[Job], Hashable]) -> list[list[Job]]:
    """Jobs with equal keys together, in the order in which the keys come first."""
    groups: dict[Hashable, list[Job]] = {}
    for one in jobs:
        groups.setdefault(key(one), []).append(one)
    return list(groups.values())


def stored(jobs: Iterable[Job], store: Store) -> dict[str, Run]:
    """The runs that the store has, by run id."""
    found = {one.run_id: (one, store.load(one.run_id)) for one in jobs}
    return {run_id: run for run_id, (one, run) in found.items() if run and run.is_of(one.plan, one.backend)}
