"""Ctrl-C at random moments, on a terminal of its own: how long it takes until the prompt is back,
and what is left behind.

    python -m tests.interrupted --count 20 --times 1 4 --backends numpy

It starts `experiments.compare`, waits for a random time, types Ctrl-C so many times, and prints a
line for each try: the moment, the seconds, the exit status, and the last line on the terminal. Exit
status 1 where one took longer than a second, had another status than 130, showed a traceback, or
left a process or a file. By hand; the suite has a short one (tests/test_ending.py).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pty
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from experiments.versions import ROOT

LONGEST = 1.0
"""Seconds from Ctrl-C to the prompt."""

MARK = "ISOGRAD_TEST_MARK"
"""A variable by which a process is known to descend from a try."""


class Try(NamedTuple):
    """What became of a command."""

    moment: float
    seconds: float
    status: int
    text: str
    orphans: list[int]

    @property
    def wrong(self) -> str:
        """What is not as it should be; empty where all is."""
        found = {
            f"{self.seconds:.2f} s": self.seconds > LONGEST,
            f"exit status {self.status}": self.status != 130,
            "a traceback": "Traceback" in self.text,
            f"orphans {self.orphans}": bool(self.orphans),
            "no word of it": "interrupted" not in self.text,
        }
        return ", ".join(what for what, there in found.items() if there)

    @property
    def last(self) -> str:
        """The last line on the terminal, without what moves the cursor, and without the echo of
        Ctrl-C.
        """
        plain = re.sub(r"\x1b\[[?\d;]*[A-Za-z]|\^C", "", self.text)
        return next((line.strip() for line in reversed(plain.splitlines()) if line.strip()), "")


def descendants(mark: str) -> list[int]:
    """The living processes that have the mark in their environment."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and f"{MARK}={mark}".encode() in (
                entry / "environ"
            ).read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def interrupted(command: list[str], moment: float, times: int, folder: Path) -> Try:
    """Start a command on a terminal, and type Ctrl-C after so many seconds."""
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    terminal, theirs = pty.openpty()
    env = os.environ | {MARK: mark, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
        cwd=folder,
    )
    os.close(theirs)
    said = bytearray()
    listening = threading.Thread(target=_listen, args=(terminal, said))
    listening.start()
    time.sleep(moment)
    typed = time.monotonic()
    for _ in range(times):
        with contextlib.suppress(OSError):
            os.write(terminal, b"\x03")
        time.sleep(0.02)
    status = process.wait(timeout=60)
    seconds = time.monotonic() - typed
    time.sleep(0.05)
    orphans = descendants(mark)
    for number in orphans:
        os.kill(number, signal.SIGKILL)
    listening.join(timeout=5)
    os.close(terminal)
    return Try(moment, seconds, status, said.decode(errors="replace"), orphans)


def _listen(terminal: int, said: bytearray) -> None:
    with contextlib.suppress(OSError):  # the other end is closed
        while found := os.read(terminal, 4096):
            said += found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20, help="tries for each number of times")
    parser.add_argument(
        "--times", type=int, nargs="+", default=[1, 4], help="how often Ctrl-C is typed"
    )
    parser.add_argument("--backends", nargs="+", default=["numpy"])
    parser.add_argument(
        "--earliest", type=float, default=0.15, help="seconds; before that it is Python that starts"
    )
    parser.add_argument("--latest", type=float, default=10.0, help="seconds")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        for number in range(asked.count):
            for times in asked.times:
                folder = Path(name) / f"{number}-{times}"
                folder.mkdir()
                command = [
                    sys.executable,
                    "-m",
                    "experiments.compare",
                    "--backends",
                    *asked.backends,
                    "--steps",
                    "100000",
                ]
                one = interrupted(
                    command, chance.uniform(asked.earliest, asked.latest), times, folder
                )
                left = [path.name for path in folder.iterdir() if path.name != "results"]
                reason = ", ".join(filter(None, [one.wrong, f"left {left}" if left else ""]))
                wrong += bool(reason)
                said = (
                    f"{one.moment:5.2f} s in, {times} x: {one.seconds:.2f} s, status {one.status}: "
                    f"{one.last}"
                )
                print(f"{said}{f'   WRONG: {reason}' if reason else ''}", flush=True)
    sys.exit(int(wrong > 0))


if __name__ == "__main__":
    main()
