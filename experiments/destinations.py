"""Where a command is asked to write, tested before anything is computed.

A file's folder must be there; a folder is made. Only a regular file is replaced: a device, a FIFO
or a folder of that name is refused, and so is a symbolic link, which is not followed: what it
points to may be another one's. A folder may be a link. Whether a folder can be written to is tried,
with a file that has no name.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from common.errors import UserError, shown
from experiments.whole import write_whole

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
}


def check_file(flag: str, path: Path) -> None:
    """Refuse a file that cannot be written.

    Raises:
        UserError: The file's folder is not there or cannot be written to, or its name is taken by
            what is no regular file.
    """
    check_name(flag, path)
    rule = f"{flag} must be a file that can be written; received {shown(str(path))}"
    if not os.path.lexists(path.parent):
        raise UserError(f"{rule}, whose folder is not there; make it first")
    try:
        _check_working_folder(path)
        _try(path.parent)
    except OSError as error:
        raise UserError(f"{rule}: {reason(error)}; choose another place") from None


def check_name(what: str, path: Path) -> None:
    """Refuse the name of a file that is taken by something else.

    Raises:
        UserError: It is no regular file.
    """
    rule = f"{what} must be a file that can be written; received {shown(str(path))}"
    try:
        kind = taken(path)
    except (OSError, ValueError) as error:  # a ValueError for a NUL in the name
        raise UserError(f"{rule}: {reason(error)}; choose another place") from None
    if kind:
        raise UserError(f"{rule}, which is {kind}; choose another place")


def check_folder(flag: str, path: Path) -> None:
    """Refuse a folder that cannot be written to, or not be made.

    Raises:
        UserError: There is something else of that name, or on the way to it, or it cannot be
            written to.
    """
    rule = f"{flag} must be a folder that can be written to; received {shown(str(path))}"
    try:
        _check_working_folder(path)
        _try(next(folder for folder in (path, *path.parents) if os.path.lexists(folder)))
    except (OSError, ValueError) as error:
        raise UserError(f"{rule}: {reason(error)}; choose another place") from None


def _check_working_folder(path: Path) -> None:
    try:
        path.absolute()
    except FileNotFoundError:
        raise FileNotFoundError(0, "the working folder is no more") from None


def _try(folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileNotFoundError:  # as in /proc; and a link that leads nowhere
        raise FileNotFoundError(0, "no file can be made there") from None


def taken(path: Path) -> str | None:
    """What a path is, where a file of that name must not be written.

    None for a regular file, and where there is nothing.
    """
    try:
        kind = stat.S_IFMT(path.lstat().st_mode)
    except FileNotFoundError:
        return None
    return None if kind == stat.S_IFREG else KINDS.get(kind, "no regular file")


def write(path: Path, content: bytes) -> None:
    """Write a file whole.

    Raises:
        OSError: It cannot be written, or what is there is no regular file.
    """
    refuse(path)
    write_whole(path, content)


def refuse(path: Path) -> None:
    """Leave alone what is no regular file.

    Raises:
        OSError: It is something else, or cannot be looked at.
    """
    if kind := taken(path):
        raise FileExistsError(0, f"it is {kind}", str(path))


def reason(error: BaseException) -> str:
    """Why something cannot be written, in a few words and without a path."""
    return getattr(error, "strerror", None) or str(error) or "out of memory"
