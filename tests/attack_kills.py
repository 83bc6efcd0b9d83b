"""Commands that are killed, disks that are full, data that change, and two commands at once, at
random times.

Whatever happens, the next command finishes, keeps every finished run as it is, and reports what an
undisturbed one reports.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.killed_runs import (
    RUNS,
    ended,
    findings,
    finished,
    folder_of,
    in_order,
    started,
    undisturbed,
    write_data,
)

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def workers_of(pid: int) -> list[int]:
    """The processes that a process started."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(child) for child in found.stdout.split()]


def killed(rng: np.random.Generator, where: Path) -> str:
    """A signal to the command, to a worker or to both."""
    target = str(rng.choice(["parent", "worker", "both"]))
    number = SIGNALS[int(rng.integers(len(SIGNALS)))]
    process = started(where, where / "runs")
    time.sleep(rng.uniform(0, undisturbed()[1]))
    workers = workers_of(process.pid)
    pids = (workers if target != "parent" else []) + ([process.pid] if target != "worker" else [])
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    ended(process)
    (where / "runs").mkdir(exist_ok=True)
    before = finished(where / "runs")
    in_order(where, where / "runs", before)
    return (
        f"{target} killed by {number.name}: "
        f"{'no' if not before else 'all' if len(before) == RUNS else 'some'} runs kept"
    )


@contextlib.contextmanager
def small_disk(size: int) -> Iterator[Path]:
    """A folder on a disk of so many bytes; only root can have one."""
    with tempfile.TemporaryDirectory() as name:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", name],
            capture_output=True,
            check=False,
        )
        assert made.returncode == 0, "a small disk needs root"
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "-l", name], check=False)


LIMITED = """import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, 2 * (int(sys.argv[1]),))
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # Python would keep bytecode that was cut off, too
os.execv(sys.argv[2], sys.argv[2:])
"""


def limited(size: int) -> list[str]:
    """What starts a command none of whose files grows beyond a size."""
    return [sys.executable, "-c", LIMITED, str(size)]


def full(rng: np.random.Generator, where: Path) -> str:
    """A disk that is full at some write, and has room again for the next command."""
    if os.geteuid() == 0 and rng.random() < 0.7:
        with small_disk(4096 * int(rng.integers(2, 60))) as disk:
            status, _, err = ended(started(where, disk / "runs"))
            shutil.copytree(disk / "runs", where / "runs", copy_function=shutil.copy2)
    else:
        size = int(rng.integers(1, 12_000))
        status, _, err = ended(started(where, where / "runs", limited(size)))
        (where / "runs").mkdir(exist_ok=True)
    assert "Traceback" not in err, f"a traceback: {err}"
    parts = [path.name for path in (where / "runs").iterdir() if path.name.endswith(".part")]
    assert not parts, f"parts are left: {parts}"
    before = finished(where / "runs")
    assert status or len(before) == RUNS, "exit status 0, and not all runs are kept"
    in_order(where, where / "runs", before)
    return (
        f"disk full: {'no' if not before else 'all' if len(before) == RUNS else 'some'} runs kept"
    )


def changed(rng: np.random.Generator, where: Path) -> str:
    """Data that another file is put in the place of, and that come back."""
    process = started(where, where / "runs")
    time.sleep(rng.uniform(0, undisturbed()[1]))
    write_data(where, seed=1)
    status, out, err = ended(process)
    said = "the data file changed while it was in use" in out + err
    if status == 0 and findings(out) == undisturbed()[0]:
        outcome = "changed too late to matter"
    elif status == 0:
        outcome = "changed before it was read"
    else:
        assert said, f"status {status}, and nothing said of the data: {err}"
        outcome = "refused"
    before = finished(where / "runs") if outcome != "changed before it was read" else {}
    if not before:
        shutil.rmtree(where / "runs", ignore_errors=True)
    write_data(where, seed=0)
    in_order(where, where / "runs", before)
    return f"data: {outcome}"


def two(rng: np.random.Generator, where: Path) -> str:
    """Two commands on one folder; one of them may be killed."""
    first = started(where, where / "runs")
    time.sleep(rng.uniform(0, undisturbed()[1]))
    second = started(where, where / "runs")
    one_dies = rng.random() < 0.3
    if one_dies:
        time.sleep(rng.uniform(0, undisturbed()[1]))
        first.kill()
    ends = [ended(process) for process in (first, second)]
    for status, out, err in ends[one_dies:]:
        assert status == 0, f"status {status}: {err}"
        assert findings(out) == undisturbed()[0], "two at once report something else"
    if not one_dies:
        seconds = [
            [
                run["seconds"]
                for c in json.loads(out)["configurations"]
                for run in c["runs"].values()
            ]
            for _, out, _ in ends
        ]
        assert seconds[0] == seconds[1], "they did the same work twice"
    in_order(where, where / "runs", finished(where / "runs"))
    return "two commands" + (", one is killed" if one_dies else "")


TRIES = (killed, full, changed, two)


def attack(rng: np.random.Generator) -> str:
    """One disturbance, in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        return TRIES[int(rng.choice(len(TRIES), p=[0.5, 0.2, 0.15, 0.15]))](
            rng, folder_of(Path(name))
        )
