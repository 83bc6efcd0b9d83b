"""The processes that a command starts: each in a group of its own, all ended with the command.

Ctrl-C on a terminal is sent to the command's own group only, so that it is the command that says
what becomes of its children.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import Any

_starting = threading.Lock()
_running: dict[int, subprocess.Popen[Any]] = {}


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start a process; `options` are those of `subprocess.Popen`.

    `ended` has to be told of its end.
    """
    with _starting:
        process = subprocess.Popen(command, process_group=0, **options)
        _running[process.pid] = process
    return process


def ended(process: subprocess.Popen[Any]) -> None:
    """A process was waited for: its number may be another one's from now on."""
    _running.pop(process.pid, None)


def kill(process: subprocess.Popen[Any]) -> None:
    """End a process and what it has started, now."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    ended(process)


def ask(
    command: Sequence[str], *, env: Mapping[str, str], told: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a process to its end, as `subprocess.run` does.

    The text `told` is its input, and its output is captured.
    """
    pipe = subprocess.PIPE
    process = start(
        command, env=env, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8", errors="replace"
    )
    try:
        out, err = process.communicate(told)
    finally:
        kill(process)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def last_word(process: subprocess.CompletedProcess[str]) -> str:
    """The last line that a failed process has said, or how it ended."""
    if process.returncode < 0:
        return f"{signal.Signals(-process.returncode).name} (out of memory?)"
    return (process.stderr.strip().splitlines() or [f"exit status {process.returncode}"])[-1]


def kill_all() -> None:
    """End all of them.

    No other is started from now on: whoever tries waits until this process is no more.
    """
    _starting.acquire()  # and never let go of
    for number in list(_running):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(number, signal.SIGKILL)


def wait_all() -> None:
    """Wait until all are dead, and leave them to whoever asks for their exit status."""
    for number in list(_running):
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, number, os.WEXITED | os.WNOWAIT)
