"""The runner: brings plans to workers, and outlives them all.

Where workers are is the executor's to know.

A lane is jobs of one backend in order, done by one worker with one thread (experiments/lanes.py).
There are at most as many workers at once as there are cores; a lane waits for its turn, or for a
worker of its backend that has done its own. A worker that dies costs the run in flight, and a new
one goes on with the rest; where its machine went with it, the run in flight is tried again.

The definition runs first: its runs leave the references that the frameworks' steps are compared
with, in a folder that is there while the runner works. What it takes to know a plan's rounding is
done once, and not in each framework's worker.
"""

from __future__ import annotations

import queue
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backends import DEFINITION
from common.plan import Plan
from experiments import ending
from experiments.executor import Executor, Inbox, Processes, Worker
from experiments.findings.outcome import Outcome
from experiments.jobs import Job
from experiments.lanes import LOSSES, STARTS, Lane, lanes
from experiments.store import Store
from experiments.watcher import Watcher


@dataclass
class Runner:
    """Runs jobs until all are in the store or have failed.

    Attributes:
        fresh: Run also what the store has, or another command is doing.
        waiting: Lanes whose turn has not come.
        active: Lanes that have a worker; there may be thousands, so that nothing walks through them
            at each message.
        owners: Active lanes by their workers.
        starting: Lanes that were to leave references, and whose workers had to wait for a machine
            when they were started.
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
        """Do the jobs; the failures by run id, every other run is in the store."""
        self.compared = Counter(one.plan for one in jobs if one.backend != DEFINITION)
        self.undefined = {one.plan for one in jobs if one.defines}
        self.waiting = deque(lanes(jobs, self.executor.lanes))
        with ending.temporary_folder() as self.references:
            self._work()
        return self.failures

    def _work(self) -> None:
        try:
            while self.waiting or self.active:
                while (
                    self.waiting
                    and len(self.active) < self.executor.at_once
                    and not self._displaced()
                ):
                    self._begin(self.waiting.popleft())
                worker, message = self.inbox.get()
                # else it has made room, and what it says no longer counts
                if lane := self.owners.get(worker):
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
        """Give a lane's worker its next job; a framework's waits until the references are there."""
        assert lane.worker
        lane.current = None
        if not lane.jobs:
            self._take_over(lane)
        if lane.jobs and self._awaited(lane.jobs[0]):
            self.idle.setdefault(lane.jobs[0].plan, []).append(lane)
            if self._displaced():
                self._make_room(lane)
            return
        lane.current = lane.jobs.popleft() if lane.jobs else None
        if lane.current is None:
            lane.worker.stop()
        else:
            job = lane.current
            fields = {"run_id": job.run_id, "device": job.device, "fresh": self.fresh}
            fields |= {"reference": self._reference(job), "wait": job.run_id in lane.busy}
            lane.worker.send(fields | {"plan": job.plan.model_dump(mode="json")})

    def _take_over(self, lane: Lane) -> None:
        """Do what the next lane is to do, if a worker like this one would: it has imported all."""
        if self.waiting and self.waiting[0].place == lane.place and not self._displaced():
            lane.take_over(self.waiting.popleft())
            self.watcher.start(lane.name, list(lane.jobs))

    def _awaited(self, job: Job) -> bool:
        return not job.defines and job.plan in self.undefined

    def _wake(self, plan: Plan) -> None:
        """Give their next jobs to lanes that waited for a plan's references, there or never."""
        self.undefined.discard(plan)
        for lane in self.idle.pop(plan, []):
            self._next(lane)

    def _displaced(self) -> bool:
        """Whether the definition waits for a machine, which who waits for it must not hold."""
        while self.starting and not self.starting[0].displaced:
            self.starting.popleft()
        return bool(self.starting)

    def _make_room(self, lane: Lane) -> None:
        """End a worker that waits; its lane waits for its turn again."""
        self._forget(lane)
        lane.worker.kill()  # pyright: ignore[reportOptionalMemberAccess]
        lane.worker = None
        lane.ready = False
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
        return Path(self.references, f"{plan.digest()}.safetensors")

    def _fail(self, lane: Lane, outcome: Outcome) -> None:
        assert lane.current
        self.failures[lane.current.run_id] = outcome
        self._done(lane, outcome.reason or outcome.status)

    def _done(self, lane: Lane, outcome: str) -> None:
        """A run has ended; references that nobody will ask for any more go."""
        job = lane.current
        assert job
        self.watcher.ended(lane.name, job, outcome)
        lane.current = None
        lane.losses = 0
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
            self.watcher.say(
                f"{lane.name}: {lane.current.name}: {lane.worker.reason()}; it is tried again"
            )
            lane.jobs.appendleft(lane.current)
            lane.current = None

    def _give_up(self, lane: Lane, reason: str) -> None:
        while lane.jobs:
            lane.current = lane.jobs.popleft()
            self._fail(lane, Outcome("crashed", reason))
