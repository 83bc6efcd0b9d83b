"""The runner: every run ends up in the store, in lanes, and a framework's is judged by the
definition's references.
"""

from __future__ import annotations

import itertools
from collections import deque
from pathlib import Path
from typing import Any

import pytest

import backends
from common.agreement import judged_steps
from experiments.executor import Processes
from experiments.experiment import plans, read
from experiments.jobs import job, jobs_of, missing, stored
from experiments.lanes import Lane, lanes
from experiments.process import environment
from experiments.runner import Runner
from experiments.store import Store
from experiments.working import Job as WorkerJob
from experiments.working import Worker
from tests.notes import SMALL, Notes, small


def test_every_run_ends_up_in_the_store(tmp_path: Path) -> None:
    store = Store(tmp_path)
    jobs = jobs_of(small(), ["numpy"], "cpu")
    assert Runner(store, Notes()).run(jobs) == {}
    found = stored(jobs, store)
    assert found.keys() == {one.run_id for one in jobs}
    header = found[jobs[0].run_id].header
    assert (header.backend, header.device, header.threads, header.plan) == (
        "numpy",
        "cpu:0",
        1,
        jobs[0].plan,
    )
    assert header.checks == [], "nothing is compared with the definition"


def test_the_definition_of_a_frameworks_plan_runs_again_for_its_references() -> None:
    jobs = jobs_of(small(), ["numpy", "torch"], "cpu")
    have = {one.run_id for one in jobs if one.backend == "numpy"}
    todo = missing(jobs, have)
    assert [one.backend for one in todo] == ["numpy"] * 2 + ["torch"] * 2
    assert missing(jobs, {one.run_id for one in jobs}) == []
    assert missing(jobs, {one.run_id for one in jobs if one.backend == "torch"}) == [
        one for one in jobs if one.backend == "numpy"
    ]


def test_a_frameworks_run_is_judged_by_the_references_of_the_definitions(tmp_path: Path) -> None:
    store = Store(tmp_path)
    jobs = jobs_of(small(), ["numpy", "torch"], "cpu")
    if backends.missing("torch"):
        pytest.skip("torch is not installed")
    assert Runner(store, Notes()).run(jobs) == {}
    found = [run.header for run in stored(jobs, store).values() if run.header.backend == "torch"]
    assert len(found) == len(small())
    for judged in found:
        assert [check.outcome for check in judged.checks] == ["agrees"] * len(judged.checks)
        assert [check.step for check in judged.checks] == judged_steps(judged.plan.steps)


def test_without_the_definitions_references_nothing_is_judged(tmp_path: Path) -> None:
    plan = small()["relu + he"]
    worker = Worker(backends.load("numpy"), threads=1, imports=0.0)
    worker.defines = False
    asked = WorkerJob(run_id="x", plan=plan, device="cpu", reference=str(tmp_path / "none.npz"))
    (check,) = worker.run(asked).header.checks
    assert (check.outcome, check.reason) == (
        "cannot be judged", "the definition's run failed, so that there is nothing to compare with",
    )  # fmt: skip


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_run_knows_whether_another_worker_ran_beside_it(tmp_path: Path, at_once: int) -> None:
    store = Store(tmp_path)
    jobs = jobs_of(small(), ["numpy"], "cpu")[:1]
    Runner(store, Notes(), Processes(at_once=at_once)).run(jobs)
    assert stored(jobs, store)[jobs[0].run_id].header.exclusive == (at_once == 1)


def test_runs_of_one_structure_come_one_after_another() -> None:
    found = plans(read("countermeasures"), SMALL)
    (lane,) = lanes([job("jax", name, plan, "cpu") for name, plan in found.items()])
    structures = [one.plan.structure() for one in lane.jobs]
    changes = sum(a != b for a, b in itertools.pairwise(structures))
    assert changes == len(set(structures)) - 1


def test_the_definition_has_several_lanes_and_a_framework_has_one() -> None:
    jobs = jobs_of(plans(read("countermeasures"), SMALL), ["numpy", "jax"], "cpu")
    found = lanes(jobs)
    assert [(lane.name, len(lane.jobs)) for lane in found] == [
        ("numpy (1 of 2)", 8), ("numpy (2 of 2)", 7), ("jax", 15),
    ]  # fmt: skip
    assert {one.run_id for lane in found for one in lane.jobs} == {one.run_id for one in jobs}
    assert [lane.name for lane in lanes(jobs_of(small(), ["numpy"], "cpu")[:2])] == ["numpy"]


class Sent:
    """A worker that only writes down what it is sent."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []
        self.placed = True

    def send(self, job: dict[str, Any]) -> None:
        self.jobs.append(job)

    def stop(self) -> None:
        pass


def test_a_framework_that_is_ahead_of_the_definition_goes_on_when_that_has_caught_up(
    tmp_path: Path,
) -> None:
    first, second = (job("torch", name, plan, "cpu") for name, plan in small().items())
    sent = Sent()
    runner = Runner(Store(tmp_path), Notes())
    last = job("numpy", second.name, second.plan, "cpu")
    defining = Lane("numpy", deque(), worker=Sent(), current=last, ready=True)  # pyright: ignore[reportArgumentType]
    ahead = Lane("torch", deque([second]), worker=sent, current=first, ready=True)  # pyright: ignore[reportArgumentType]
    runner.active = [defining, ahead]
    runner.undefined = {last.plan}
    runner._hear(ahead, {"type": "finished"})
    assert sent.jobs == []
    runner._hear(defining, {"type": "finished"})
    assert [one["run_id"] for one in sent.jobs] == [second.run_id]


def test_what_another_command_is_busy_with_comes_last_and_is_waited_for(tmp_path: Path) -> None:
    first, second = (job("numpy", name, plan, "cpu") for name, plan in small().items())
    sent = Sent()
    runner = Runner(Store(tmp_path), Notes())
    lane = Lane("numpy", deque([first, second]), worker=sent, ready=True)  # pyright: ignore[reportArgumentType]
    runner.active = [lane]
    for message in ("ready", "busy", "finished"):
        runner._hear(lane, {"type": message})
    assert [(one["run_id"], one["wait"]) for one in sent.jobs] == [
        (first.run_id, False), (second.run_id, False), (first.run_id, True),
    ]  # fmt: skip


def test_the_definition_runs_on_the_processor_whatever_the_device() -> None:
    assert {one.device for one in jobs_of(small(), ["numpy"], "gpu:1")} == {"cpu"}


def test_a_workers_threads_are_set_on_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "17")
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
    env = environment(1)
    assert env["OMP_NUM_THREADS"] == env["TF_NUM_INTRAOP_THREADS"] == "1"
    flags = env["XLA_FLAGS"].split()
    assert "--xla_cpu_multi_thread_eigen=false" in flags
    assert flags[-1] == "--xla_force_host_platform_device_count=2"
    assert all(flag.startswith("--") for flag in flags), (
        "XLA reads no further than to the first that does not"
    )
    assert "--xla_cpu_multi_thread_eigen=false" not in environment(2)["XLA_FLAGS"]
