"""How a command ends on a signal.

Within a second, whatever it is doing, with no process or file left behind.

A signal wakes a thread, which ends the children, tidies up and ends the process. The main thread is
not asked: it may be inside a library that does not return for seconds, and a second Ctrl-C while it
tidied up would be a traceback.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial

from experiments import children, streams

WORDS = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "ended by SIGTERM",
    signal.SIGHUP: "ended by SIGHUP",
}
"""The signals that end a command, and what it says then; its exit status is 128 and the signal's
number."""

CLEAR = "\r\x1b[K\x1b[?25h"
"""A terminal's line begun anew, with its cursor: the progress may have been in the middle of
one."""

TIDYING = 0.4
"""Seconds that tidying up may take."""

_actions: list[Callable[[], object]] = []
_sentences: list[Callable[[], str]] = []


def listen() -> None:
    """End the process on these signals from now on; one ignored, as by `nohup`, stays so."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for number in WORDS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            # Python's own part of it writes the number into the pipe, at once
            signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(reading,), daemon=True).start()


@contextlib.contextmanager
def tidied(action: Callable[[], object]) -> Iterator[None]:
    """Within this, a signal does something before the process ends: the children are dead by then.

    The last one comes first.
    """
    _actions.append(action)
    try:
        yield
    finally:
        _actions.remove(action)


@contextlib.contextmanager
def temporary_folder() -> Iterator[str]:
    """A folder for as long as this lasts, however it ends."""
    with (
        tempfile.TemporaryDirectory(prefix="isograd-") as folder,
        tidied(partial(shutil.rmtree, folder, ignore_errors=True)),
    ):
        yield folder


def saying(sentence: Callable[[], str]) -> None:
    """From now on, what a signal's message says of the work."""
    _sentences.append(sentence)


def _wait(reading: int) -> None:
    number = 0
    while number not in WORDS:
        number = os.read(reading, 1)[0]
    said = [WORDS[signal.Signals(number)]]
    tidying = threading.Thread(target=_tidy, args=(said,), daemon=True)
    tidying.start()
    tidying.join(TIDYING)
    with contextlib.suppress(OSError):  # the terminal may be gone
        clear = CLEAR if os.isatty(2) else ""
        os.write(2, f"{clear}{': '.join(said)}\n".encode())
    os._exit(128 + number)


def _tidy(said: list[str]) -> None:
    for outlet in streams.outlets():
        outlet.only(threading.get_ident())
    children.kill_all()
    for action in reversed(_actions):
        # whatever it is, the process ends, and the others have their turn
        with contextlib.suppress(Exception):
            action()
    children.wait_all()
    said += [sentence() for sentence in _sentences[-1:]]
