"""Machines that come and go, and workers on them, simulated."""

from __future__ import annotations

import queue
import random
from collections import Counter
from pathlib import Path
from typing import Any

from experiments.experiment import plans, read
from experiments.jobs import Job
from experiments.runner import Runner
from experiments.store import Store
from tests.notes import Notes

PLANS = plans(read("countermeasures"), {"depth": 4, "width": 8, "steps": 2})


RUN = {"type": "finished"}


class Deadlock(Exception):
    """Nothing more can happen, and the runner waits."""


class FakeWorker:
    """A lane's worker on some machine, which it may have to wait for."""

    def __init__(self, cluster: Simulated, first: Job) -> None:
        self.cluster = cluster
        self.first = first
        self.placed = self.lost = self.stopped = False
        self.job: dict[str, Any] | None = None

    def send(self, job: dict[str, Any]) -> None:
        assert self.placed, "a job for a worker that is nowhere"
        assert not self.job, "a job for a worker that has one"
        self.job = job
        if self.first.backend != "numpy":
            assert Path(job["reference"]).exists(), (
                "a framework's run before the definition left its references"
            )
        self.cluster.sent[job["run_id"]] += 1

    def stop(self) -> None:
        self.stopped = True

    def kill(self) -> None:
        if self in self.cluster.workers:
            self.cluster.workers.remove(self)

    close = kill

    def reason(self) -> str:
        return "the machine went"


class Simulated(queue.Queue[Any]):
    """A cluster and its events: a place is given, a run ends, a machine goes; which comes next is
    drawn.
    """

    def __init__(self, seed: int, places: dict[str, int], losses: int) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.places = places
        self.losses = losses
        self.at_once = sum(places.values())
        self.workers: list[FakeWorker] = []
        self.sent: Counter[str] = Counter()
        self.most = 0
        self.started: Counter[str] = Counter()

    def lanes(self, device: str) -> int:
        return self.at_once

    def where(self, lanes: int) -> str:
        return f"{lanes} lanes"

    def start(self, first: Job, store: Store, inbox: Any) -> FakeWorker:
        self.started[first.backend] += 1
        self.workers.append(FakeWorker(self, first))
        self.most = max(self.most, len(self.workers))
        return self.workers[-1]

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        able = [worker for worker in self.workers if self._able(worker)]
        if not able:
            raise Deadlock
        return self._event(self.random.choice(able))

    def _able(self, worker: FakeWorker) -> bool:
        return self._free(worker) or bool(
            worker.placed and (worker.job or worker.stopped or self.losses)
        )

    def _free(self, worker: FakeWorker) -> bool:
        there = worker.first.processor
        taken = sum(one.placed and one.first.processor == there for one in self.workers)
        return not worker.placed and taken < self.places[there]

    def _event(self, worker: FakeWorker) -> Any:
        if not worker.placed:
            worker.placed = True
            return worker, {"type": "ready"}
        if self.losses and (self.random.random() < 0.2 or not (worker.job or worker.stopped)):
            self.losses -= 1
            worker.lost = True
            self.places[worker.first.processor] = max(1, self.places[worker.first.processor] - 1)
            return worker, None
        if worker.job and self.random.random() < 0.3:
            return worker, {"type": "progress", "steps": 1}
        if worker.job:
            job = worker.job
            worker.job = None
            if worker.first.defines and job["reference"]:
                Path(job["reference"]).touch()
            return worker, RUN
        return worker, None  # it was let end


def jobs(processors: int) -> list[Job]:
    """Of each plan the definition's run and those of two frameworks, on the plan's processor."""
    found: list[Job] = []
    for number, (name, plan) in enumerate(PLANS.items()):
        on = f"processor {number % processors}"
        for backend in ("numpy", "jax", "torch"):
            found.append(Job(backend, name, plan, f"{backend} {name}", "cpu", on))
    return found


def simulate(
    folder: Path, seed: int, places: dict[str, int], losses: int
) -> tuple[Simulated, Notes, dict[str, Any], Runner]:
    class Watching(Notes):
        def start(self, lane: str, jobs: list[Job]) -> None:
            displaced = [
                worker for worker in cluster.workers if worker.first.defines and not worker.placed
            ]
            assert jobs[0].defines or not displaced, (
                "a lane begins that would take the definition's place"
            )

    cluster = Simulated(seed, places, losses)
    notes = Watching()
    runner = Runner(Store(folder), notes, cluster, inbox=cluster)
    todo = jobs(len(places))
    random.Random(seed).shuffle(todo)
    failures = runner.run(todo)
    assert Counter(name for name, _ in notes.outcomes) == Counter(one.name for one in todo), (
        "every run ends once"
    )
    return cluster, notes, failures, runner
