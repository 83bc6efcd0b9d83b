"""A user's own data, read from an .npz file.

What is accepted, and for all else the line of Python that makes such a file.

Accepted are `x` [samples, features] or sequences [samples, time, features], real numbers, and `y`,
a label or real targets for each sample; either key also as a capital. Labels are what names classes
beyond doubt: integers, truth values, text, whole numbers of a floating-point type, a column
[samples, 1] of any of these, and one-hot rows, with a single 1 and otherwise 0.

Real targets, [samples] or [samples, targets], are other numbers of a floating-point type: those
that are not whole, whole ones that differ from sample to sample like a measurement, and rows that
are no probabilities. Nothing is guessed: other keys, other files and other shapes are refused, with
what to do about them.

What a file says of itself is read first: only a regular file is opened, and arrays that would not
fit into memory are refused by their headers, however small the archive that they are packed into.
Nothing that is pickled is opened.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from common import files
from common.datafile.archive import check_size, members_of
from common.datafile.file import RULE, File
from common.datafile.keys import named_in
from common.datafile.recipes import kind_of, recipe
from common.datafile.values import held_to, samples
from common.errors import UserError

Arrays = dict[str, np.ndarray]


def read(path: str, content: bytes | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The samples, and what they are held to.

    Args:
        path: Of the file, for what is said of it.
        content: Its bytes, where they are read already.

    Returns:
        x [samples, features] or [samples, time, features] float64; and labels y [samples] int64,
        numbered 0, 1, 2 ... in the order of the file's, or real targets y [samples, targets]
        float64.

    Raises:
        UserError: The file is no such file; the message says what it is, and how to make one of it.
    """
    file, found = opened(path, content)
    x = samples(file, found["x"])
    y = held_to(file, found["y"])
    if len(x) != len(y):
        turned = (
            file.cure("{x}.T" if x.ndim == 2 else "{x}.swapaxes(0, 1)")
            if x.shape[1] == len(y)
            else ""
        )
        raise file.refuse(
            f"'x' and 'y' must have as many samples; received {len(x)} and {len(y)}", turned
        )
    return x, y


def content_of(path: str) -> bytes:
    """The bytes of the file, once it has shown that its arrays can be read and fit into memory.

    Raises:
        UserError: It is no regular file, no archive with x and y, or needs more memory than there
            is.
    """
    try:
        with files.regular(path) as file:
            _archive(path, file)
            return file.read()
    except OSError as error:
        raise UserError(
            f"--data must name a readable .npz file; received {path}: {error.strerror or error}"
        ) from None


def opened(path: str, content: bytes | None = None) -> tuple[File, Arrays]:
    """The two arrays as they are in the file.

    Raises:
        UserError: It is no archive of two arrays; the message says what it is, and how to make one
            of it.
    """
    file = io.BytesIO(content_of(path) if content is None else content)
    named = _archive(path, file)
    try:
        with warnings.catch_warnings(), np.load(file, allow_pickle=False) as archive:
            warnings.simplefilter("ignore")  # of NumPy, about files of Python 2
            return named, {"x": archive[named.x], "y": archive[named.y]}
    except Exception as error:  # a damaged archive raises whatever its decoder stumbles over
        raise UserError(
            f"{path} {RULE}; received a damaged one{_stumbled(error)}; save it again"
        ) from None


def _archive(path: str, file: BinaryIO) -> File:
    """The keys of the two arrays; the file is then at its beginning."""
    kind = kind_of(Path(path), file.read(4096))
    if kind not in ("", ".npz"):
        raise UserError(f"{path} {RULE}; received a {kind} file", f"; {recipe(path, kind)}")
    size = file.seek(0, io.SEEK_END)
    try:
        members = members_of(path, file)
    except UserError:
        raise
    except Exception as error:  # as above
        raise UserError(
            f"{path} {RULE}; received none, or a damaged one{_stumbled(error)}; save it again"
        ) from None
    named = named_in(path, members)
    check_size(named, members, size)
    file.seek(0)
    return named


def _stumbled(error: Exception) -> str:
    """What the reader of archives says; NumPy's words are for programs: to trust the file."""
    return (
        f" ({error})"
        if isinstance(error, (zipfile.BadZipFile, NotImplementedError)) and str(error)
        else ""
    )
