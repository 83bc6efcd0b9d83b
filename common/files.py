"""Files that a user names.

Only what is a file is opened, so that no pipe is waited for and no device read to its end.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def regular(path: str | Path) -> BinaryIO:
    """Open a regular file to be read.

    Raises:
        OSError: There is none, or it is something else, or cannot be read; its `strerror` says
            which.
    """
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  # the caller closes it
    except ValueError as error:  # what cannot be in a path: a NUL, half a character
        raise OSError(errno.EINVAL, f"no path can be so written ({error})") from None
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "it is a pipe or a device, and no file")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
