from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import backends
from common.agreement import judged_steps
from common.plan import Plan
from experiments.executor import Processes
from experiments.experiment import plans, read
from experiments.process import WorkerProcess, environment
from experiments.runner import Job, Lane, Runner, job, jobs_of, lanes, missing, stored
from experiments.store import Store
from experiments.working import Job as WorkerJob
from experiments.working import Worker

SMALL = {"depth": 4, "width": 8, "steps": 4, "batch_size": 16, "seeds": 2}
LONG = SMALL | {"steps": 200_000, "record_every": 1000}


class Notes:
    """Writes down what the runner says; may do something when a run makes progress."""

    def __init__(self, on_progress: Callable[[Job], None] | None = None) -> None:
        self.outcomes: list[tuple[str, str]] = []
        self.places: list[str] = []
        self.said: list[str] = []
        self.on_progress = on_progress

    def start(self, lane: str, jobs: list[Job]) -> None:
        pass

    def progress(self, lane: str, job: Job, steps: int) -> None:
        if self.on_progress:
            self.on_progress(job)

    def ended(self, lane: str, job: Job, outcome: str) -> None:
        self.outcomes.append((job.name, outcome))

    def where(self, text: str) -> None:
        self.places.append(text)

    def say(self, text: str) -> None:
        self.said.append(text)


def small(**overrides: object) -> dict[str, Plan]:
    chosen = ("tanh + xavier", "relu + he")
    found = plans(read("countermeasures"), SMALL | overrides)
    return {name: found[name] for name in chosen}


def children_of(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(child) for child in found.stdout.split()]


def gone(pid: int, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_every_run_ends_up_in_the_store(tmp_path: Path) -> None:
    store, jobs = Store(tmp_path), jobs_of(small(), ["numpy"], "cpu")
    assert Runner(store, Notes()).run(jobs) == {}
    found = stored(jobs, store)
    assert found.keys() == {one.run_id for one in jobs}
    header = found[jobs[0].run_id].header
    assert (header.backend, header.device, header.threads, header.plan) == ("numpy", "cpu:0", 1, jobs[0].plan)
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
    store, jobs = Store(tmp_path), jobs_of(small(), ["numpy", "torch"], "cpu")
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
    store, jobs = Store(tmp_path), jobs_of(small(), ["numpy"], "cpu")[:1]
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


def test_a_framework_that_is_ahead_of_the_definition_goes_on_when_that_has_caught_up(tmp_path: Path) -> None:
    first, second = (job("torch", name, plan, "cpu") for name, plan in small().items())
    sent = Sent()
    runner = Runner(Store(tmp_path), Notes())
    last = job("numpy", second.name, second.plan, "cpu")
    defining = Lane("numpy", deque(), worker=Sent(), current=last, ready=True)  # pyright: ignore[reportArgumentType]
    ahead = Lane("torch", deque([second]), worker=sent, current=first, ready=True)  # pyright: ignore[reportArgumentType]
    runner.active, runner.undefined = [defining, ahead], {last.plan}
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


def test_a_killed_worker_costs_the_run_in_flight_and_nothing_else(tmp_path: Path) -> None:
    store = Store(tmp_path)
    second = job("numpy", "short", small()["relu + he"], "cpu")
    first = job("numpy", "long", plans(read("countermeasures"), LONG)["tanh + xavier"], "cpu")

    def kill(one: Job) -> None:
        if one == first:
            worker = runner.active[0].worker
            assert isinstance(worker, WorkerProcess)
            os.kill(worker.process.pid, signal.SIGKILL)

    runner = Runner(store, Notes(kill))
    failures = runner.run([first, second])
    assert {run_id: outcome.status for run_id, outcome in failures.items()} == {first.run_id: "crashed"}
    assert failures[first.run_id].reason == "the worker was killed by SIGKILL (out of memory?)"
    assert stored([first, second], store).keys() == {second.run_id}


def test_a_backend_that_cannot_be_imported_fails_with_the_reason_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "nothing")
    store, plan = Store(tmp_path), small()["relu + he"]
    good = job("numpy", "good", plan, "cpu")
    bad = [good._replace(backend="no_such_backend", run_id=f"{i}") for i in range(3)]
    failures = Runner(store, Notes()).run([*bad, good])
    assert {outcome.status for outcome in failures.values()} == {"crashed"}
    assert {outcome.reason.partition(";")[0] for outcome in failures.values() if outcome.reason} == {
        "no backend is called 'no_such_backend'"
    }
    assert stored([good], store)


def test_a_device_that_a_backend_does_not_have_is_unsupported_with_what_it_has(tmp_path: Path) -> None:
    refused = job("numpy", "it", small()["relu + he"], "cpu")._replace(device="gpu")
    (outcome,) = Runner(Store(tmp_path), Notes()).run([refused]).values()
    assert (outcome.status, outcome.reason) == ("unsupported", "numpy has no device 'gpu'; it has: cpu:0")


def test_an_error_in_a_run_is_its_reason_and_leaves_its_traceback(tmp_path: Path) -> None:
    broken = small()["relu + he"].model_copy(update={"steps": 0})
    one = job("numpy", "it", broken, "cpu")
    (outcome,) = Runner(Store(tmp_path), Notes()).run([one]).values()
    assert outcome.status == "crashed"
    assert outcome.reason
    assert outcome.reason.startswith("ValidationError: ")
    assert "Traceback" in (tmp_path / f"{one.run_id}.error.txt").read_text()


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
    assert all(flag.startswith("--") for flag in flags), "XLA reads no further than to the first that does not"
    assert "--xla_cpu_multi_thread_eigen=false" not in environment(2)["XLA_FLAGS"]


def start_long(folder: Path) -> subprocess.Popen[str]:
    """A command whose first runs are short and whose last one never ends."""
    steps = {"short": "2", "too": "3", "long": "1000000\nrecord_every = 1000"}
    runs = "".join(f'[[configuration]]\nname = "{name}"\nsteps = {count}\n' for name, count in steps.items())
    base = 'question = "?"\n[base]\ndepth = 4\nwidth = 8\nbatch_size = 16\nseeds = 1\n'
    (folder / "long.toml").write_text(base + runs)
    command = [sys.executable, "-m", "experiments.compare", str(folder / "long.toml")]
    options = ["--backends", "numpy", "--output", str(folder / "results")]
    process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 30
    while len(list((folder / "results").glob("*.parquet"))) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    return process


def test_ctrl_c_keeps_finished_runs_and_says_how_to_go_on(tmp_path: Path) -> None:
    process = start_long(tmp_path)
    workers = children_of(process.pid)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith("interrupted: 2 of 3 runs are kept in ")
    assert last.endswith("the same command goes on from there")
    assert "Traceback" not in err
    assert workers
    assert all(gone(worker) for worker in workers)
    assert sorted(path.suffix for path in (tmp_path / "results").iterdir()) == ["", ".parquet", ".parquet"], (
        ".lock, and no part"
    )


def test_workers_end_when_the_command_is_killed(tmp_path: Path) -> None:
    process = start_long(tmp_path)
    workers = children_of(process.pid)
    process.kill()
    process.communicate(timeout=20)
    assert workers
    assert all(gone(worker) for worker in workers)
    assert len(list((tmp_path / "results").glob("*.parquet"))) == 2
