"""How a command begins and ends, the same for all: its streams, signals, and errors as one line.

Exit status: what the command returns; 2 for a mistake in what was asked; 1 where somebody's model
raised, and where the machine or the installation lacks what it takes (memory, files to open, room
for standard output on a full disk, a package of this project); 130 after Ctrl-C, 143 after SIGTERM,
129 after SIGHUP. A reader of standard output that goes away changes nothing
(experiments/streams.py).
"""

from __future__ import annotations

import contextlib
import os
import resource
import shlex
import sys
from collections.abc import Callable, Iterator
from types import TracebackType

from experiments import ending, streams
from experiments.ending import temporary_folder

LEAST = 3 * 2**29
"""Bytes of address space below which a library that runs or reports need ends the process, and says
something else of it."""


def words(job: str) -> list[str]:
    """A job as it is called.

    From this project's root, or by the console script that other projects have (isograd/jobs.py).
    """
    script = ["isograd", job]
    return script if sys.argv[0] == " ".join(script) else ["python", "-m", f"experiments.{job}"]


def command(job: str) -> str:
    """The command line as its reader would repeat it.

    Who calls a job for somebody else says it in ISOGRAD_COMMAND.
    """
    line = os.environ.get("ISOGRAD_COMMAND") or shlex.join([*words(job), *sys.argv[1:]])
    return line.encode(errors="replace").decode()


def begin() -> None:
    """Take over streams and signals.

    The first thing that a command does, before the imports that take time.
    """
    streams.take()
    ending.listen()
    sys.excepthook = _before_the_command


def check_memory() -> None:
    """Refuse to load what would end this process.

    Raises:
        MemoryError: It may take less address space than that needs.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < LEAST:
        raise MemoryError


def run(command: Callable[[], int]) -> int:
    """Do what a command does, say in a line what keeps it from that, and return the exit status."""
    from common.errors import Failed, UserError

    try:
        with _home():
            status = command()
    except SystemExit as end:  # the help was asked for
        status = int(end.code or 0)
    except UserError as error:
        _say(str(error))
        status = 2
    except Failed as error:
        _say(str(error))
        status = 1
    except (OSError, MemoryError, ImportError, RuntimeError) as error:
        reason = failure(error)
        if reason is None:
            raise
        _say(reason)
        status = 1
    if reason := streams.lost():
        _say(f"standard output could not take the report: {reason}")
        status = status or 1
    return status


@contextlib.contextmanager
def _home() -> Iterator[None]:
    """Give a user without a home, as in a container, one for as long as the command lasts.

    Some libraries need one.
    """
    if os.path.isabs(os.path.expanduser("~")):
        yield
        return
    with temporary_folder() as folder:
        os.environ["HOME"] = folder
        yield


def failure(error: BaseException) -> str | None:
    """One line for what the machine or the installation has not.

    None for what is a mistake of this program.
    """
    match error:
        case ModuleNotFoundError(name=str(name)):
            from common.errors import install_command

            return f"{name.partition('.')[0]} is not installed; install with: {install_command()}"
        case ImportError():
            return f"a library cannot be loaded: {' '.join(str(error).split())[:120]}"
        case MemoryError():
            return (
                "there is not enough memory; lower --width, --depth or --batch-size, or raise the "
                "limit (ulimit -v)"
            )
        case RuntimeError() if "start new thread" in str(error):
            return (
                "no other thread can be started; raise the limits of this machine (ulimit -u, "
                "ulimit -v)"
            )
        case OSError(errno=int(), filename=name):
            return str(error.strerror) + (f": {name}" if name is not None else "")
        case _:
            return None


def _say(reason: str) -> None:
    sys.stdout.flush()
    print(f"error: {reason}", file=sys.stderr)


def _before_the_command(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """What went wrong while the command was imported."""
    reason = failure(error)
    if reason is None:
        sys.__excepthook__(kind, error, trace)
    else:
        _say(reason)
