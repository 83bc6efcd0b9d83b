"""safetensors, read and written: eight bytes with the header's length, a header in JSON, the numbers. Nothing is unpickled.

The format is https://huggingface.co/docs/safetensors: names to dtype, shape and offsets that fill the rest of the file without
a hole, and `__metadata__`, which is text by text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from common.errors import UserError, shown
from common.files import regular

Arrays = dict[str, np.ndarray]

DTYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2"},
    **{"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1"},
    **{"U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1"},
}
"""Those that NumPy has too; there are narrower floats beside them."""

NAMES = {np.dtype(code): name for name, code in DTYPES.items()}

MOST_HEADER = 100_000_000
"""Bytes of a header, as the library has it."""

OTHERS = {b"PK": "a zip archive, as torch.save, .npz and .keras files are", b"\x80": "a pickle", b"\x89H": "an HDF5 file"}
"""How other files begin."""

CURE = "save it with safetensors (docs/convert.md has the lines)"


class Stored(NamedTuple):
    """What a file holds: arrays by name in the order of their offsets, and its metadata."""

    arrays: Arrays
    metadata: dict[str, str]


def read(path: Path) -> Stored:
    """Read a file.

    Raises:
        UserError: There is none, or it cannot be read, or is not such a file.
    """
    try:
        with regular(path) as file:
            content = file.read()
    except OSError as error:
        raise UserError(
            f"a safetensors file must be one that can be read; received {shown(str(path))}: {error.strerror}"
        ) from None
    return parsed(content, path)


def parsed(content: bytes, path: Path) -> Stored:
    """The arrays of a file's bytes; they are views of it.

    Raises:
        UserError: They are not those of a safetensors file.
    """
    where = shown(str(path))
    for begin, what in OTHERS.items():
        if content.startswith(begin) and content[8:9] != b"{":
            raise UserError(f"the file must be safetensors; {where} is {what}, and nothing is unpickled; {CURE}")
    header, data = _header(content, where)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise UserError(f"__metadata__ of {where} must be text by text; received {shown(metadata)}; {CURE}")
    entries = {name: _Entry.checked(name, entry) for name, entry in header.items()}
    _check_offsets(entries, len(data), where)
    ordered = sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end))
    return Stored({name: entry.array(data) for name, entry in ordered}, metadata)


def _header(content: bytes, where: str) -> tuple[dict[str, Any], memoryview]:
    length = int.from_bytes(content[:8], "little")
    if len(content) < 10 or content[8:9] != b"{":
        raise UserError(f"a safetensors file must begin with the length of a header and the header; {where} does not; {CURE}")
    if length > MOST_HEADER:
        raise UserError(f"the header of {where} must be at most {MOST_HEADER:,} bytes; received {length:,}; {CURE}")
    if 8 + length > len(content):
        raise UserError(
            f"{where} is truncated: its header must be {length:,} bytes; received {len(content) - 8:,}; copy it again"
        )
    try:
        header = json.loads(content[8 : 8 + length].decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise UserError(f"the header of {where} must be JSON in UTF-8; received otherwise ({error}); {CURE}") from None
    return header, memoryview(content)[8 + length :]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{shown(twice)} is there twice")
    return found


class _Entry(NamedTuple):
    """Where an array is."""

    dtype: np.dtype
    shape: tuple[int, ...]
    begin: int
    end: int

    @classmethod
    def checked(cls, name: str, entry: Any) -> _Entry:
        """An entry of the header."""
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise UserError(f"{shown(name)} must have dtype, shape and data_offsets; received {shown(entry)}; {CURE}")
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if dtype not in DTYPES:
            known = "F64, F32 or F16, or whole numbers"
            raise UserError(f"{shown(name)} must be {known}; received {shown(dtype)}; convert it before it is saved")
        for what, numbers in (("shape", shape), ("data_offsets", offsets)):
            if not isinstance(numbers, list) or not all(type(n) is int and 0 <= n < 2**63 for n in numbers):
                raise UserError(f"the {what} of {shown(name)} must be whole numbers from 0; received {shown(numbers)}; {CURE}")
        if len(offsets) != 2:
            raise UserError(f"the data_offsets of {shown(name)} must be two; received {shown(offsets)}; {CURE}")
        found = cls(np.dtype(DTYPES[dtype]), tuple(shape), *offsets)
        wanted = math.prod(shape) * found.dtype.itemsize
        if found.end - found.begin != wanted:
            said = f"{list(shape)} of {dtype} is {wanted:,} bytes"
            raise UserError(
                f"the data of {shown(name)} must fit its shape: {said}; received {found.end - found.begin:,}; {CURE}"
            )
        return found

    def array(self, data: memoryview) -> np.ndarray:
        """The numbers."""
        return np.frombuffer(data[self.begin : self.end], self.dtype).reshape(self.shape)


def _check_offsets(entries: Mapping[str, _Entry], size: int, where: str) -> None:
    """The arrays lie one after the other, from the first byte to the last."""
    ends = sorted((entry.begin, entry.end, name) for name, entry in entries.items())
    last = ends[-1][1] if ends else 0
    if last > size:
        raise UserError(
            f"{where} is truncated: {shown(ends[-1][2])} must end at byte {last:,}; received {size:,}; copy it again"
        )
    if last < size:
        raise UserError(f"the arrays of {where} must fill it; received {size - last:,} bytes more; copy it again")
    for (_, end, before), (begin, _, name) in pairwise([(0, 0, "the header"), *ends]):
        if begin != end:
            raise UserError(f"{shown(name)} must begin where {before} ends, at byte {end}; received {begin}; {CURE}")


def dumped(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a file, its arrays in the given order; the header is filled with blanks up to a multiple of 8."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    parts: list[bytes] = []
    at = 0
    for name, array in arrays.items():
        part = np.ascontiguousarray(array).tobytes()
        dtype = NAMES[array.dtype.newbyteorder("<") if array.dtype.itemsize > 1 else array.dtype]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [at, at + len(part)]}
        parts.append(part)
        at += len(part)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])
