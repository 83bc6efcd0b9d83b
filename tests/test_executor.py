"""The runner on machines that go, simulated: any order of events that a cluster may take, the
awkward ones among them.
"""

from __future__ import annotations

import queue
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import runner as module
from experiments.experiment import plans, read
from experiments.jobs import Job
from experiments.lanes import Lane, lanes
from experiments.runner import LOSSES, Runner
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

    def lanes(self, device: str) -> int:
        return self.at_once

    def where(self, lanes: int) -> str:
        return f"{lanes} lanes"

    def start(self, first: Job, store: Store, inbox: Any) -> FakeWorker:
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


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    places=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    losses=st.integers(0, LOSSES - 1),
)
def test_whatever_machines_go_every_run_is_made(
    tmp_path_factory: Any, seed: int, places: list[int], losses: int
) -> None:
    on = {f"processor {i}": count for i, count in enumerate(places)}
    cluster, notes, failures, _ = simulate(tmp_path_factory.mktemp("runs"), seed, on, losses)
    assert failures == {}
    assert {outcome for _, outcome in notes.outcomes} == {"finished"}
    assert cluster.sent.total() == len(jobs(len(on))) + len(notes.said), (
        "only what was in flight is tried again"
    )
    assert cluster.most <= sum(places)
    assert cluster.workers == []
    assert notes.places[-1] == "0 lanes"


def test_a_lane_that_waits_makes_room_for_the_definition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadlocks() -> int:
        found = 0
        for seed in range(100):
            try:
                simulate(tmp_path, seed, {"processor 0": 2}, 2)
            except Deadlock:
                found += 1
        return found

    assert deadlocks() == 0
    monkeypatch.setattr(Runner, "_make_room", lambda self, lane: None)
    assert deadlocks() > 0, (
        "without it the simulation must find the order of events in which nothing goes on"
    )


def test_a_run_that_brings_every_machine_down_fails_with_the_reason(tmp_path: Path) -> None:
    class Killer(Simulated):
        def _event(self, worker: FakeWorker) -> Any:
            self.losses = int(worker.job is not None and worker.job["run_id"] == "torch relu + he")
            if self.losses:
                worker.lost = True
                return worker, None
            return super()._event(worker)

    cluster = Killer(0, {"processor 0": 2}, 0)
    notes = Notes()
    failures = Runner(Store(tmp_path), notes, cluster, inbox=cluster).run(jobs(1))
    assert {key: (outcome.status, outcome.reason) for key, outcome in failures.items()} == {
        "torch relu + he": ("crashed", "the machine went")
    }
    assert cluster.sent["torch relu + he"] == LOSSES
    assert (
        notes.said
        == [
            (
                f"{next(iter(notes.said)).partition(':')[0]}: relu + he: the machine went; it is "
                "tried again"
            )
        ]
        * 2
    )


def test_a_worker_that_never_gets_ready_gives_its_lane_up(tmp_path: Path) -> None:
    class Nowhere(Simulated):
        def _event(self, worker: FakeWorker) -> Any:
            worker.lost = True
            return worker, None

    cluster = Nowhere(0, {"processor 0": 1}, 0)
    failures = Runner(Store(tmp_path), Notes(), cluster, inbox=cluster).run(jobs(1)[:4])
    assert {outcome.reason for outcome in failures.values()} == {"the machine went"}
    assert len(failures) == 4


def test_references_go_once_nobody_asks_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[int] = []
    done = Runner._done

    def watched(self: Runner, *arguments: Any) -> None:
        done(self, *arguments)
        left.append(len(list(Path(self.references).iterdir())))

    monkeypatch.setattr(module.Runner, "_done", watched)
    simulate(tmp_path, 3, {"processor 0": 2}, 1)
    assert max(left) > 0
    assert left[-1] == 0


def test_nothing_walks_through_all_lanes_at_each_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counted(list[Any]):
        def __iter__(self) -> Any:
            nonlocal walks
            walks += 1
            return super().__iter__()

    def displaced(lane: Lane) -> bool:
        nonlocal asked
        asked += 1
        return is_displaced(lane)

    walks = asked = 0
    is_displaced = vars(Lane)["displaced"].fget
    monkeypatch.setattr(Lane, "displaced", property(displaced))
    cluster = Simulated(0, {"processor 0": 100}, 0)
    runner = Runner(Store(tmp_path), Notes(), cluster, inbox=cluster, active=Counted())
    todo = [one._replace(run_id=f"{one.run_id} {i}") for i in range(3) for one in jobs(1)]
    assert runner.run(todo) == {}
    assert walks <= 1, "to end what is left"
    assert asked < 3 * len(todo)


def test_lanes_are_as_many_as_places_and_each_for_one_processor() -> None:
    todo = jobs(2)
    found = lanes(todo, lambda device: 4)
    assert all(len({(one.backend, one.processor) for one in lane.jobs}) == 1 for lane in found)
    assert Counter(one.run_id for lane in found for one in lane.jobs) == Counter(
        one.run_id for one in todo
    )
    assert len({lane.name for lane in found}) == len(found)
    assert Counter(lane.name.partition(" (")[0] for lane in found)["jax"] == 4
