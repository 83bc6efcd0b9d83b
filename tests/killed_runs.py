"""Runs of a command that are killed, and what they have to leave."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from experiments.seal import Unreadable
from experiments.tables import read_run

TOML = """question = "?"
[base]
depth = 3
width = 4
batch_size = 16
seeds = 2
steps = 40
[[configuration]]
[[configuration]]
activation = "tanh"
[[configuration]]
activation = "relu"
[[configuration]]
activation = "elu"
"""


RUNS = 4


MOVES = {"seconds", "command", "versions", "source", "experiment"}
"""What two reports of the same numbers may differ in."""


def folder_of(where: Path) -> Path:
    """A folder with an experiment and its data."""
    (where / "one.toml").write_text(TOML)
    write_data(where, seed=0)
    return where


def write_data(where: Path, seed: int) -> None:
    """Put data into the place of those that are there."""
    rng = np.random.default_rng(seed)
    np.savez(where / "new.npz", x=rng.normal(size=(60, 5)), y=np.arange(60) % 3)
    os.replace(where / "new.npz", where / "data.npz")


def started(where: Path, output: Path, before: Sequence[str] = ()) -> subprocess.Popen[str]:
    """The command, at work, started by another one."""
    arguments = [
        str(where / "one.toml"),
        "--data",
        str(where / "data.npz"),
        "--output",
        str(output),
    ]
    line = [
        *before,
        sys.executable,
        "-m",
        "experiments.compare",
        *arguments,
        "--backends",
        "numpy",
        "--json",
        "-",
    ]
    return subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def findings(report: str) -> Any:
    """What a report says of the numbers."""
    return _without(json.loads(report))


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(each) for key, each in value.items() if key not in MOVES}
    return [_without(each) for each in value] if isinstance(value, list) else value


@cache
def undisturbed() -> tuple[Any, float]:
    """What a command reports that nothing happens to, and how long it takes."""
    with tempfile.TemporaryDirectory() as name:
        where = folder_of(Path(name))
        clock = time.monotonic()
        status, out, err = ended(started(where, where / "runs"))
        assert status == 0, err
        return findings(out), time.monotonic() - clock


def finished(output: Path) -> dict[str, int]:
    """The runs that are whole, and the inodes of their files: another file under the name would be
    another run.
    """
    found: dict[str, int] = {}
    for path in output.glob("*.parquet"):
        with contextlib.suppress(Unreadable):
            found[path.name] = (read_run(path), path.stat().st_ino)[1]
    return found


def in_order(where: Path, output: Path, before: dict[str, int]) -> None:
    """Ask again, undisturbed, and hold the answer to what it must be."""
    status, out, err = ended(started(where, output))
    assert status == 0, f"the next command failed: {status}: {err}"
    assert findings(out) == undisturbed()[0], "the next report says something else"
    after = finished(output)
    assert len(after) == RUNS, f"{len(after)} of {RUNS} runs are there"
    assert before.items() <= after.items(), "a finished run was not kept"
    parts = [path.name for path in output.iterdir() if path.name.endswith(".part")]
    assert not parts, f"parts are left: {parts}"
    assert "damaged" not in err, f"a file was left damaged: {err}"
