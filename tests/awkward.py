"""What people give by mistake or on purpose: flags and TOML, made of awkward pieces, and what has
to become of them.

Whoever draws hands in `pick`, which takes one of several: hypothesis in the suite, a generator in
`tests/attack_input.py`.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from common import task
from common.text import columns, control_in
from experiments import bench, claims, compare, devices, differences, migrate, runner
from experiments.benching.options import Options as OfBench
from experiments.comparing import comparison
from experiments.comparing.options import Options as OfCompare
from experiments.flags import flags_of
from experiments.report import __main__ as report
from tests.awkward_files import ORDINARY, Pick
from tests.awkward_words import WORDS

WIDE = 200
SECONDS, BYTES = 20, 3_000_000_000
"""A command has so long to refuse something, and so much more memory than before."""

PYTHON = ("in Python", "in a shell")
"""What begins a line of code to copy, which is not held to `WIDE`."""


def furnish(folder: Path) -> None:
    """Put into a folder what is no ordinary file, for `WORDS` and `VALUES` to name."""
    for name in ("fifo", "fifo.toml", "fifo.npz"):
        os.mkfifo(folder / name)
    for name in ("loop", "loop.toml"):
        (folder / name).symlink_to(name)
    for name in ("folder.toml", "folder.npz"):
        (folder / name).mkdir()
    (folder / "zeros.npz").symlink_to("/dev/zero")
    (folder / "mine.toml").write_bytes(ORDINARY)
    np.savez_compressed(
        folder / "mine.npz", x=np.random.default_rng(0).normal(size=(90, 3)), y=np.arange(90) % 2
    )


COMMANDS: dict[str, tuple[Any, type[Any]]] = {
    "compare": (compare, OfCompare),
    "report": (report, report.Options),
    "migrate": (migrate, migrate.Options),
    "bench": (bench, OfBench),
    "claims": (claims, claims.Options),
    "differences": (differences, differences.Options),
}


def arguments(pick: Pick, command: str) -> list[str]:
    """Flags of a command with awkward values, in any order, some without."""
    found = []
    for _ in range(pick(range(1, 4))):
        flag = pick([*flags_of(COMMANDS[command][1]), "--help", "--dept", ""])
        # which change this project, and open a browser
        if flag not in (
            "--write",
            "--measure",
            "--open",
        ):
            value = pick(WORDS)
            found += pick(
                [
                    [flag, value],
                    [f"{flag}={value}"],
                    [flag],
                    [value],
                    [flag.replace("-", "_"), value],
                    [flag, value, value],
                ]
            )
    return found


class Begun(BaseException):
    """All that is said before anything is computed was said."""


def tried(command: str, words: Sequence[str]) -> str:
    """What becomes of a command, up to where it would begin to compute: `refused`, `begun` or
    `done`.

    Raises:
        AssertionError: It is not refused in one line with status 2, or takes too long, or too much
            memory.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    task.digest_of.cache_clear()
    task.load.cache_clear()
    with _stopped(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = _status(command, words)
    said = [_text(stream) for stream in (out, err)]
    if status == "begun" or not status:
        return "begun" if status else "done"
    assert status == 2, f"exit status {status} of {command} {list(words)!r:.300}: {said[1]:.500}"
    held(f"{command} {list(words)!r:.300}", *said)
    return "refused"


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode("utf-8", "replace")  # pyright: ignore[reportAttributeAccessIssue]


def held(what: str, out: str, err: str) -> None:
    """Hold what is said of a mistake to one line that can be read.

    Raises:
        AssertionError: It is something else.
    """
    line = err.removesuffix("\n")
    assert err.startswith("error: "), f"{what}: {err[-2000:]}"
    assert not out, f"{what}: something on standard output: {out:.300}"
    assert err.endswith("\n"), f"{what}: no end of the line"
    assert not control_in(line), f"{what}: U+{ord(control_in(line)):04X} in {line!r:.500}"
    short = columns(line) <= WIDE or any(mark in line for mark in PYTHON)
    assert short, f"{what}: {columns(line)} columns: {line:.500}"
    assert len(line) > len("error: must"), f"{what}: nothing is said"
    assert "allow_pickle" not in line.partition("for a file that you trust")[0], (
        f"{what}: advice for programs: {line}"
    )


def _status(command: str, words: Sequence[str]) -> int | str | None:
    patches = [
        mock.patch.object(sys, "argv", [command, *words]),
        mock.patch.object(runner, "Runner", side_effect=Begun),
        mock.patch.object(comparison, "_prepare_library"),
        mock.patch.object(comparison, "_prepare_charts"),
        mock.patch.object(devices, "devices_of", return_value=["cpu:0"]),
        mock.patch.object(bench.ending, "temporary_folder", side_effect=Begun),
    ]
    with contextlib.ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        try:
            COMMANDS[command][0].main()
        except Begun:
            return "begun"
        except SystemExit as end:
            return end.code
        except Exception as error:
            where = "".join(traceback.format_exception(error)[-3:])
            raise AssertionError(f"{command} {sys.argv[1:]!r:.300}: {where[-1500:]}") from None
    return 0


@contextlib.contextmanager
def _stopped() -> Iterator[None]:
    """Stop what takes too long, and let no more memory be fetched than `BYTES` beyond what there
    is.
    """

    def late(*_: object) -> None:
        raise AssertionError(f"it takes longer than {SECONDS} s")

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    before = signal.signal(signal.SIGALRM, late)
    resource.setrlimit(resource.RLIMIT_AS, (now + BYTES, hard))
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
