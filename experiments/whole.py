"""Files that are written whole or not at all.

What is being written has a random name, `.<16 hexadecimal digits>.part`, and is locked by whoever
writes it. The kernel lets go of the lock when the process ends, however it ends: a part that nobody
holds is left over.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_PART = re.compile(r"\.[0-9a-f]{16}\.part")


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file; another process sees all of it or what was before, also after a power cut.

    Raises:
        OSError: It cannot be written; nothing is left behind.
    """
    with _part(path.parent) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        os.replace(file.name, path)
    _sync(path.parent)


@contextlib.contextmanager
def _part(folder: Path) -> Iterator[BinaryIO]:
    """A new file that is locked, and gone after any error."""
    while True:
        part = folder / f".{secrets.token_hex(8)}.part"
        with part.open("xb") as file:
            try:
                _lock(file.fileno())
                if os.fstat(file.fileno()).st_nlink:  # not swept before it was locked
                    yield file
                    return
            except BaseException:
                part.unlink(missing_ok=True)
                raise


def sweep(folder: Path) -> None:
    """Remove the parts that a process left which was killed while it wrote."""
    for path in folder.iterdir():
        if _PART.fullmatch(path.name):
            with contextlib.suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def _lock(descriptor: int) -> None:
    # a file system without locks: there nothing can be swept either
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _sync(folder: Path) -> None:
    """Bring a folder's names to the disk: what was renamed stays so."""
    with contextlib.suppress(OSError):  # not every file system can; the file itself is on the disk
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
