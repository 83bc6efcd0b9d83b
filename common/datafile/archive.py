"""What an archive says of its arrays unread: the members, and whether they fit into memory.

A forged archive may say anything: no more of it is read than its directory and the headers take.
"""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from typing import BinaryIO, NamedTuple, cast

import numpy as np

from common import memory
from common.datafile.file import RULE, File
from common.errors import UserError, shown

DIRECTORY = 1_000_000
"""Bytes of an archive's list of its members, which is read whole."""

PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How an archive may be packed; of others, zipfile unpacks more than is asked for, without
bound."""

HEADER = 16_384
"""Bytes of an array's header; NumPy reads no more than 10,000 of it."""

COPIES = 6
"""How many times the samples are in memory, as float64, while they are standardized and divided."""


class Member(NamedTuple):
    """What an archive says of an array in it, before it is read.

    Its shape, its type, and how many bytes it has.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    size: int


Members = dict[str, Member | None]
"""The members of an archive by key; None for one that is no array."""


class _Sober:
    """A file of which nobody reads as much at once as a forged directory of an archive asks for."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1) -> bytes:
        """As of a file; what is left at the end, where no size is given."""
        if size > DIRECTORY:
            raise zipfile.BadZipFile("its directory is larger than 1 MB")
        return self.file.read(size if size >= 0 else DIRECTORY)


def members_of(path: str, file: BinaryIO) -> Members:
    """The members of an archive, by their headers.

    Raises:
        UserError: NumPy does not write such an archive.
        Exception: It is none, or is damaged: whatever its decoder stumbles over.
    """
    found: Members = {}
    with zipfile.ZipFile(cast(BinaryIO, _Sober(file))) as archive:
        for info in archive.infolist():
            key = info.filename.removesuffix(".npy")
            if key in found:
                raise UserError(
                    f"{path} must have each array once; received {shown(key)} twice; save it again"
                )
            if info.flag_bits & 1:
                raise UserError(
                    f"{path} must not be encrypted; received {shown(key)} with a password; save "
                    "it again without"
                )
            if info.compress_type not in PACKED:
                raise UserError(
                    f"{path} must be packed as NumPy does it; received {shown(key)} in another "
                    "way; save it again"
                )
            with archive.open(info) as member:
                found[key] = _member(member.read(HEADER), info.file_size)
    return found


def _member(head: bytes, size: int) -> Member | None:
    file = io.BytesIO(head)
    try:
        version = np.lib.format.read_magic(file)
    except ValueError:
        return None
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, about files of Python 2
        shape, _, dtype = read(file)
    if any(length < 0 for length in shape) or not (dtype.itemsize or dtype.hasobject):
        raise zipfile.BadZipFile(f"an array of shape {shown(shape)} of {dtype}")
    return Member(shape, dtype, size)


def check_size(file: File, members: Members, size: int) -> None:
    """Refuse arrays that are pickled, larger than what is there, or do not fit into memory."""
    arrays = {key: member for key in (file.x, file.y) if (member := members[key])}
    if any(member.dtype.hasobject for member in arrays.values()):
        key = next(key for key, member in arrays.items() if member.dtype.hasobject)
        raise UserError(
            f"{file.path} {RULE}, saved without pickle; received objects under {key!r}",
            _unpickled(file.path),
        )
    for key, member in arrays.items():
        if math.prod(member.shape) * member.dtype.itemsize > member.size:
            raise UserError(
                f"{file.path} {RULE}; received a damaged one: shape {shown(member.shape)} of "
                f"{member.dtype} under {key!r} in {memory.spoken(member.size)}; save it again"
            )
    needed = size + sum(
        math.prod(member.shape) * (member.dtype.itemsize + 8 * COPIES) for member in arrays.values()
    )
    if needed > (there := memory.available()):
        raise file.refuse(
            "x and y must fit into memory; received arrays that need about "
            f"{memory.spoken(needed)} of the {memory.spoken(there)} that there are; keep fewer "
            "samples or features"
        )


def _unpickled(path: str) -> str:
    """The cure for objects; `np.load` in it opens what is pickled, so it is for a trusted file."""
    load = "np.load({path!r}, allow_pickle=True)"
    made = File(path).cure("np.array({x}.tolist(), float)", "np.array({y}.tolist())", load=load)
    return f"; for a file that you trust, {made}"
