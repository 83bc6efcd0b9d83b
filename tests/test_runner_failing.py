"""Runs that fail, and a command that is interrupted or killed: what was finished is kept, and
nothing goes on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.experiment import plans, read
from experiments.jobs import Job, job, stored
from experiments.process import WorkerProcess
from experiments.runner import Runner
from experiments.store import Store
from tests.notes import SMALL, Notes, small

LONG = SMALL | {"steps": 200_000, "record_every": 1000}


def children_of(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(child) for child in found.stdout.split()]


def gone(pid: int, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if (
            Path(f"/proc/{pid}/stat").exists()
            and Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
        ):
            return True
        time.sleep(0.05)
    return False


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
    assert {run_id: outcome.status for run_id, outcome in failures.items()} == {
        first.run_id: "crashed"
    }
    assert failures[first.run_id].reason == "the worker was killed by SIGKILL (out of memory?)"
    assert stored([first, second], store).keys() == {second.run_id}


def test_a_backend_that_cannot_be_imported_fails_with_the_reason_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "nothing")
    store = Store(tmp_path)
    plan = small()["relu + he"]
    good = job("numpy", "good", plan, "cpu")
    bad = [good._replace(backend="no_such_backend", run_id=f"{i}") for i in range(3)]
    failures = Runner(store, Notes()).run([*bad, good])
    assert {outcome.status for outcome in failures.values()} == {"crashed"}
    assert {
        outcome.reason.partition(";")[0] for outcome in failures.values() if outcome.reason
    } == {"no backend is called 'no_such_backend'"}
    assert stored([good], store)


def test_a_device_that_a_backend_does_not_have_is_unsupported_with_what_it_has(
    tmp_path: Path,
) -> None:
    refused = job("numpy", "it", small()["relu + he"], "cpu")._replace(device="gpu")
    (outcome,) = Runner(Store(tmp_path), Notes()).run([refused]).values()
    assert (outcome.status, outcome.reason) == (
        "unsupported",
        "numpy has no device 'gpu'; it has: cpu:0",
    )


def test_an_error_in_a_run_is_its_reason_and_leaves_its_traceback(tmp_path: Path) -> None:
    broken = small()["relu + he"].model_copy(update={"steps": 0})
    one = job("numpy", "it", broken, "cpu")
    (outcome,) = Runner(Store(tmp_path), Notes()).run([one]).values()
    assert outcome.status == "crashed"
    assert outcome.reason
    assert outcome.reason.startswith("ValidationError: ")
    assert "Traceback" in (tmp_path / f"{one.run_id}.error.txt").read_text()


def start_long(folder: Path) -> subprocess.Popen[str]:
    """A command whose first runs are short and whose last one never ends."""
    steps = {"short": "2", "too": "3", "long": "1000000\nrecord_every = 1000"}
    runs = "".join(
        f'[[configuration]]\nname = "{name}"\nsteps = {count}\n' for name, count in steps.items()
    )
    base = 'question = "?"\n[base]\ndepth = 4\nwidth = 8\nbatch_size = 16\nseeds = 1\n'
    (folder / "long.toml").write_text(base + runs)
    command = [sys.executable, "-m", "experiments.compare", str(folder / "long.toml")]
    options = ["--backends", "numpy", "--output", str(folder / "results")]
    process = subprocess.Popen(
        [*command, *options], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
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
    assert sorted(path.suffix for path in (tmp_path / "results").iterdir()) == [
        "",
        ".parquet",
        ".parquet",
    ], ".lock, and no part"


def test_workers_end_when_the_command_is_killed(tmp_path: Path) -> None:
    process = start_long(tmp_path)
    workers = children_of(process.pid)
    process.kill()
    process.communicate(timeout=20)
    assert workers
    assert all(gone(worker) for worker in workers)
    assert len(list((tmp_path / "results").glob("*.parquet"))) == 2
