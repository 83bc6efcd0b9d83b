"""Standard output and standard error that outlive their reader: a report is never lost to a pipe.

A reader that has gone away (`| head -1`), and a stream that was closed (`>&-`), change nothing:
what is said goes nowhere, all files are written, and the exit status is what it would have been.
Where standard output cannot take what is said (a full disk), that is one line on standard error and
exit status 1. A character that the stream's encoding does not have becomes a `?`.
"""

from __future__ import annotations

import io
import os
import select
import sys
import threading
from typing import Any


class Outlet(io.RawIOBase):
    """A stream to a file descriptor whose writes never fail.

    What went wrong first is remembered, and the rest is dropped.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.error: OSError | None = None
        self.thread: int | None = None

    def only(self, thread: int) -> None:
        """Drop what any other thread says from now on."""
        self.thread = thread

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self.descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self.descriptor)

    def write(self, data: Any) -> int:
        """Write what can be written; returns as if it were all."""
        if self.error or self.thread not in (None, threading.get_ident()):
            return len(data)
        try:
            return os.write(self.descriptor, data)
        except BlockingIOError:  # somebody else has made the pipe so
            select.select([], [self.descriptor], [])
            return 0
        except OSError as error:
            self.error = error
            return len(data)


def take() -> None:
    """Make standard output and standard error such streams.

    A descriptor that is closed is nobody else's file, but nothing.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free
    sys.stdout = _stream(1, sys.stdout)
    sys.stderr = _stream(2, sys.stderr)


def _stream(descriptor: int, old: Any) -> io.TextIOWrapper:
    outlet = Outlet(descriptor)
    encoding = getattr(old, "encoding", None) or "utf-8"
    direct = descriptor == 2
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding,
        errors="replace",
        line_buffering=direct or outlet.isatty(),
        write_through=direct,
    )


def outlets() -> list[Outlet]:
    """Those of this process, where it has taken them."""
    raw = [
        getattr(getattr(stream, "buffer", None), "raw", None) for stream in (sys.stdout, sys.stderr)
    ]
    return [one for one in raw if isinstance(one, Outlet)]


def lost() -> str | None:
    """Why standard output could not take all said; None where it could, or nobody reads it."""
    sys.stdout.flush()
    for outlet in outlets():
        if (
            outlet.descriptor == 1
            and outlet.error
            and not isinstance(outlet.error, BrokenPipeError)
        ):
            return os.strerror(outlet.error.errno or 0)
    return None


def say(text: str) -> None:
    """Write text for a program to standard output: in UTF-8, whatever the terminal's encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode() + b"\n")
