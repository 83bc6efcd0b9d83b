"""What a user gives, by the thousand: flags, TOML and archives of awkward pieces, in this process,
and some in one of its own.

    python -m tests.attack input --minutes 10

Each try is refused in one line with status 2, or begun; it never hangs, prints a traceback or takes
more memory than there is.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.awkward import BYTES, COMMANDS, SECONDS, arguments, furnish, held, tried
from tests.awkward_arrays import npz
from tests.awkward_files import toml

OWN = 60
"""One try of so many is a process of its own."""


def attack(rng: np.random.Generator) -> str:
    """One try: a few flags, a file of TOML, or an archive."""

    def pick(options: Sequence[Any]) -> Any:
        return options[int(rng.integers(len(options)))]

    with _folder():
        kind = pick(["flags", "toml", "npz"])
        command, words = _asked(kind, pick)
        if not pick(range(OWN)) and "\0" not in "".join(words):
            return f"{kind}, {command}, a process of its own: {_apart(command, words)}"
        return f"{kind}, {command}: {tried(command, words)}"


def _asked(kind: str, pick: Any) -> tuple[str, list[str]]:
    match kind:
        case "flags":
            command = pick([*COMMANDS, "compare"])
            return command, arguments(pick, command)
        case "toml":
            Path("tried.toml").write_bytes(toml(pick))
            return "compare", ["tried.toml", *pick([[], ["--try"], ["--many"], ["--depth", "3"]])]
        case _:
            Path("tried.npz").write_bytes(npz(pick))
            return "compare", ["mine.toml", "--data", "tried.npz", "--batch-size", "8"]


@contextlib.contextmanager
def _folder() -> Iterator[None]:
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            furnish(Path(folder))
            yield
        finally:
            os.chdir(here)


def _apart(command: str, words: list[str]) -> str:
    """As `tried`, as a user types it; what begins to compute is killed."""

    root = str(Path(__file__).parents[1])
    line = [sys.executable, "-m", f"experiments.{command}", *map(os.fsencode, words)]
    if command == "compare":
        line += (
            ["--backends", "numpy", "--steps", "2"]
            if "--backends" not in words and "--steps" not in words
            else []
        )
    environment = os.environ | {"PYTHONPATH": root}
    try:
        found = subprocess.run(
            line, env=environment, capture_output=True, timeout=3 * SECONDS, check=False
        )
    except subprocess.TimeoutExpired as late:
        out = (late.stdout or b"") + (late.stderr or b"")
        assert b" runs on " in out or command == "bench", (
            f"{command} {words!r:.300} hangs: {out[-500:]!r}"
        )
        return "begun"
    except ValueError:  # half a character is in no real command line
        return "not possible"
    most = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert most < BYTES, f"{command} {words!r:.300}: {most / 1e9:.1f} GB"
    out, err = (stream.decode("utf-8", "replace") for stream in (found.stdout, found.stderr))
    assert "Traceback" not in err, f"{command} {words!r:.300}: {err[-1500:]}"
    if found.returncode == 2 and " run" not in err:
        held(f"{command} {words!r:.300}", out, err)
    return f"status {found.returncode}"
