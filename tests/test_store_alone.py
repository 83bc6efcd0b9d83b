"""One process at a run: others wait or leave it, and what a dead one has left is swept."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
import time
from pathlib import Path

import backends
from experiments.store import Store
from experiments.tables import Run
from experiments.worker import settle
from experiments.working import Job, Worker
from tests.small_run import ID, run

__all__ = ["run"]


def test_parts_of_dead_processes_are_swept_and_no_others(tmp_path: Path) -> None:
    dead, alive, foreign = (
        tmp_path / name for name in (f".{ID}.part", f".{ID[::-1]}.part", "notes.part")
    )
    for path in (dead, alive, foreign):
        path.write_bytes(b"half")
    with alive.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        Store(tmp_path)
        assert not dead.exists()
        assert alive.exists()
    Store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.part"]


HOLD = "import sys; from pathlib import Path; from experiments.store import Store; "
HOLD += (
    "hold = Store(Path(sys.argv[1])).alone(sys.argv[2]); print(hold.__enter__(), flush=True); "
    "sys.stdin.read()"
)


def holder(folder: Path, name: str = ID) -> subprocess.Popen[str]:
    """Another process, which is at the run."""
    line = [sys.executable, "-c", HOLD, str(folder), name]
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "True\n"
    return process


def test_two_processes_are_not_at_one_run_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with holder(tmp_path) as process:
        with store.alone(ID) as free:
            assert not free
        with store.alone(ID[::-1]) as free:
            assert free, "another run is free"
        process.kill()
        process.wait()
        with store.alone(ID) as free:
            assert free


def test_what_another_command_does_is_waited_for_or_left_and_its_run_is_taken(
    tmp_path: Path, run: Run
) -> None:
    store = Store(tmp_path)
    worker = Worker(backends.load("numpy"), threads=1, imports=0.1)
    job = Job(run_id=ID, plan=run.header.plan, device="cpu")
    with holder(tmp_path) as process:
        assert settle(worker, store, job, lambda _: None) == "busy"
        assert (
            settle(worker, store, job.model_copy(update={"fresh": True}), lambda _: None)
            == "finished"
        )
        own = store.path(ID).stat().st_ino
        threading.Timer(0.3, process.kill).start()
        clock = time.monotonic()
        assert (
            settle(worker, store, job.model_copy(update={"wait": True}), lambda _: None)
            == "finished"
        )
        assert time.monotonic() - clock > 0.2, "it waited"
    assert store.path(ID).stat().st_ino == own, "and took what there was"
