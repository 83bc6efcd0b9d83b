"""A job asked from a program: its process, what it has printed, and its findings."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from isograd.jobs import command

WIDTH = 100
"""The columns of a text that no terminal is asked for."""


class Mistake(ValueError):
    """What was asked cannot be done: the rule, what was received, and the cure.

    It is the exit status 2 of a job.
    """


class Failed(RuntimeError):
    """A model raised, or the machine lacks what it takes.

    It is the exit status 1 of a job that has no findings.
    """


class Asked(NamedTuple):
    """What came of a job.

    Attributes:
        status: Its exit status.
        text: What it has printed.
        document: Its findings, which are JSON.
    """

    status: int
    text: str
    document: dict[str, Any]


def words(options: Mapping[str, Any]) -> Iterator[str]:
    """Options as a command line has them.

    `batch_size=8` is `--batch-size 8`, True a flag alone, None and False nothing.
    """
    for name, value in options.items():
        if value is None or value is False:
            continue
        yield f"--{name.replace('_', '-')}"
        if value is not True:
            yield from _values(value)


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (f"{key}={each}" for key, each in value.items())
    elif isinstance(value, list | tuple):
        yield from map(str, value)
    else:
        yield str(value)


def ask(job: str, arguments: Sequence[str], said: str = "") -> Asked:
    """Run a job in a process of its own.

    Args:
        job: Its name.
        arguments: Of its command line.
        said: What stands as the command in its findings, where that is not the command line.

    Raises:
        Mistake: It cannot do what is asked.
        Failed: It has no findings.
    """
    said = said or shlex.join(["isograd", job, *arguments])
    environment = os.environ | {"ISOGRAD_COMMAND": said, "COLUMNS": str(WIDTH)}
    with TemporaryDirectory(prefix="isograd-") as folder:
        file = Path(folder, "findings.json")
        status, out, err = _run(command(job, [*arguments, "--json", str(file)]), environment)
        if status == 2:
            raise Mistake(_line(err))
        if status not in (0, 1) or not file.exists():
            raise Failed(_line(err) or f"isograd {job} ended with exit status {status}")
        return Asked(status, out, json.loads(file.read_text(encoding="utf-8")))


def _run(line: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        line, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, encoding="utf-8"
    )
    try:
        out, err = process.communicate()
    except BaseException:  # it was interrupted: the job ends its own processes, and tidies up
        process.terminate()
        process.communicate()
        raise
    return process.returncode, out, err


def _line(err: str) -> str:
    """The one line that a job ends with."""
    lines = [line for line in err.splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else ""
