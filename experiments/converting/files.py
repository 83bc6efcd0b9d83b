"""Weights on disk, by the library of safetensors.

Names to arrays, and metadata, which is text by text. Nothing is unpickled.

The format is https://huggingface.co/docs/safetensors.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open

from common.errors import UserError, shown
from common.files import regular

Arrays = dict[str, np.ndarray]

DTYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2"},
    **{"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1"},
    **{"U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1"},
}
"""Those that NumPy has too; there are narrower floats beside them."""

OTHERS = {
    b"PK": "a zip archive, as torch.save, .npz and .keras files are",
    b"\x80": "a pickle",
    b"\x89H": "an HDF5 file",
}
"""How other files begin."""

DOCS = "docs/convert.md"
CURE = f"save it with safetensors ({DOCS} has the lines)"


class Stored(NamedTuple):
    """What a file holds: arrays by name in the order of their offsets, and its metadata."""

    arrays: Arrays
    metadata: dict[str, str]


def read(path: Path) -> Stored:
    """Read a file.

    Raises:
        UserError: There is none, or it cannot be read, or is not such a file.
    """
    where = shown(str(path))
    try:
        _check_beginning(path, where)
        with safe_open(path, "np") as file:
            arrays = {name: _array(file, name) for name in file.offset_keys()}
            return Stored(arrays, file.metadata() or {})
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"a safetensors file must be one that can be read; received {where}: {reason}"
        ) from None
    except SafetensorError as error:
        said = shorten(
            str(error).removeprefix("Error while deserializing header: "), 68, placeholder=" ..."
        )
        raise UserError(
            f"{where} must be a whole safetensors file; received: {said}; copy or save it again "
            f"({DOCS})"
        ) from None


def _check_beginning(path: Path, where: str) -> None:
    """Say what another file is; a header begins with its length in eight bytes and a brace."""
    with regular(path) as file:
        content = file.read(9)
    for begin, what in OTHERS.items():
        if content.startswith(begin) and content[8:] != b"{":
            raise UserError(
                f"the file must be safetensors; {where} is {what}, and nothing is unpickled; {CURE}"
            )


def _array(file: safe_open, name: str) -> np.ndarray:
    """The numbers of an entry, whose dtype and shape NumPy may not have."""
    entry = file.get_slice(name)
    if entry.get_dtype() not in DTYPES:
        known = "F64, F32 or F16, or whole numbers"
        raise UserError(
            f"{shown(name)} must be {known}; received {entry.get_dtype()}; convert it before it "
            "is saved"
        )
    try:
        return file.get_tensor(name)
    except ValueError:
        raise UserError(
            f"the shape of {shown(name)} must be one of NumPy; received "
            f"{shown(entry.get_shape())}; {CURE}"
        ) from None
