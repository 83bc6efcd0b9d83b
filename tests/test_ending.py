"""Ctrl-C and its kin: the prompt is back at once, one true line is said, and neither a process nor
a file is left.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backends import NEEDS
from experiments.comparing import comparison
from experiments.experiment import plans, read
from experiments.jobs import jobs_of
from experiments.store import Store
from experiments.versions import ROOT
from tests.interrupted import MARK, descendants, interrupted

LONG = [
    sys.executable,
    "-m",
    "experiments.compare",
    "--backends",
    next(iter(NEEDS)),
    "--steps",
    "100000",
]
SLOW = 3.0
"""Seconds: a second is what it takes at most, and the tests of the suite run side by side."""


def test_ctrl_c_while_it_starts_is_one_line(tmp_path: Path) -> None:
    found = interrupted(LONG, 0.4, 1, tmp_path)
    assert (found.status, found.orphans) == (130, [])
    assert found.last.startswith("interrupted")
    assert found.seconds < SLOW
    assert "Traceback" not in found.text


HEARD = (
    "import os, signal, sys; [signal.signal(n, signal.SIG_DFL) for n in (signal.SIGINT, "
    "signal.SIGTERM, signal.SIGHUP)]; os.execv(sys.argv[1], sys.argv[1:])"
)
"""Becomes a command that signals end, also where the suite was started to outlive its terminal."""


@contextmanager
def started(folder: Path, mark: str) -> Iterator[subprocess.Popen[str]]:
    """A long comparison whose workers have begun; it does not outlive a test that fails."""
    env = os.environ | {MARK: mark, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "temporary")}
    (folder / "temporary").mkdir()
    pipe = subprocess.PIPE
    line = [sys.executable, "-c", HEARD, *LONG]
    with subprocess.Popen(
        line, cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            until = time.monotonic() + 40
            while len(descendants(mark)) < 3:
                assert time.monotonic() < until, "no worker began"
                assert process.poll() is None
                time.sleep(0.05)
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("number", "times", "said"),
    [
        (signal.SIGINT, 4, "interrupted"),
        (signal.SIGTERM, 1, "ended by SIGTERM"),
        (signal.SIGHUP, 1, "ended by SIGHUP"),
    ],
)
def test_a_signal_ends_the_command_and_its_workers_at_once(
    tmp_path: Path, number: int, times: int, said: str
) -> None:
    mark = f"{os.getpid()}-{number}"
    with started(tmp_path, mark) as process:
        sent = time.monotonic()
        for _ in range(times):
            process.send_signal(number)
            time.sleep(0.02)
        out, err = process.communicate(timeout=30)
        assert time.monotonic() - sent < SLOW
    assert process.returncode == 128 + number
    assert descendants(mark) == []
    assert (out, list((tmp_path / "temporary").iterdir())) == ("", [])
    last = rf"{said}: 0 of (\d+) runs are kept in results; the same command goes on from there"
    assert re.fullmatch(last, err.splitlines()[-1])


def test_workers_die_with_a_command_that_is_killed(tmp_path: Path) -> None:
    mark = f"{os.getpid()}-killed"
    with started(tmp_path, mark) as process:
        process.kill()
        process.communicate(timeout=30)
    until = time.monotonic() + 10 * SLOW  # one that is importing hears of it when it has done so
    while descendants(mark):
        assert time.monotonic() < until, "a worker lives on"
        time.sleep(0.05)


def test_the_message_counts_what_is_kept_and_with_fresh_what_was_made_again(tmp_path: Path) -> None:
    numbers = {"depth": 3, "width": 4, "steps": 2, "seeds": 1, "batch_size": 16}
    jobs = jobs_of(plans(read("depth"), numbers), ["numpy"], "cpu")
    store = Store(tmp_path)
    first, second, *others = [store.path(job.run_id) for job in jobs]
    first.touch()
    kept = comparison._kept(jobs, store, False)
    fresh = comparison._kept(jobs, store, True)
    count = len({job.run_id for job in jobs})
    assert kept().startswith(f"1 of {count} runs are kept")
    assert fresh().startswith(f"0 of {count} runs were made again")
    second.touch()
    first.with_suffix(".new").write_text("another")
    os.replace(first.with_suffix(".new"), first)
    assert kept().startswith(f"2 of {count} runs are kept")
    assert fresh().startswith(f"2 of {count} runs were made again")
    assert not any(other.exists() for other in others)
