"""The runner on machines that go, simulated: any order of events that a cluster may take, the
awkward ones among them.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import runner as module
from experiments.lanes import Lane, lanes
from experiments.runner import LOSSES, Runner
from experiments.store import Store
from tests.notes import Notes
from tests.simulated import Deadlock, FakeWorker, Simulated, jobs, simulate


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


def test_a_worker_that_has_done_its_lane_does_the_next_one_of_its_backend(tmp_path: Path) -> None:
    """It has imported the framework, which takes longer than many a run."""
    names = [lane.name for lane in lanes(jobs(1)) if lane.place[0] == "torch"]
    assert len(names) > 2
    cluster, *_ = simulate(tmp_path, seed=0, places={"processor 0": 2}, losses=0)
    assert cluster.started["torch"] <= 2
    assert cluster.started["numpy"] == 2


def test_lanes_are_as_many_as_places_and_each_for_one_processor() -> None:
    todo = jobs(2)
    found = lanes(todo, lambda device: 4)
    assert all(len({(one.backend, one.processor) for one in lane.jobs}) == 1 for lane in found)
    assert Counter(one.run_id for lane in found for one in lane.jobs) == Counter(
        one.run_id for one in todo
    )
    assert len({lane.name for lane in found}) == len(found)
    assert Counter(lane.name.partition(" (")[0] for lane in found)["jax"] == 4
