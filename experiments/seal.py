"""The seal of a file: the SHA-256 of its bytes, in the file, checked before parsing.

A sealed file holds once the text `"seal": "format 2, sha256 <64 hexadecimal digits>"`, the first
field of a JSON record, which may be all of the file or a part of it. The digest is that of the
whole file with zeros for its digits. Within a JSON string a quotation mark is escaped, so that no
name or path that is told in the record can be taken for the seal.
"""

from __future__ import annotations

import hashlib
import json
import re

from pydantic import BaseModel

FORMAT = 2
"""Of what is sealed; 1 had no seal."""

OPEN = f"format {FORMAT}, sha256 {'0' * 64}"
_SEAL = re.compile(rb'"seal": "format (\d{1,9}), sha256 ([0-9a-f]{64})"')


class Unreadable(Exception):
    """A file that is not taken; the message says why."""


class Damaged(Unreadable):
    """Its bytes are not those that were written."""


class OtherVersion(Unreadable):
    """It is whole, and this version does not read it."""

    def __init__(self, which: str) -> None:
        super().__init__(f"made by {which} version of isograd")


def reason(error: Exception) -> str:
    """Why a file is not taken or could not be written, in a few words."""
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def record(model: BaseModel, indent: int | None = None) -> str:
    """The JSON of a model with an open seal as its first field."""
    return json.dumps({"seal": OPEN} | model.model_dump(mode="json"), indent=indent)


def close(content: bytes) -> bytes:
    """The bytes of a file with its open seal closed: its digest written into them."""
    (found,) = _SEAL.finditer(content)
    digest = hashlib.sha256(content).hexdigest().encode()
    return content[: found.start(2)] + digest + content[found.end(2) :]


def check(content: bytes, old: bool) -> None:
    """Hold the bytes of a file to its seal.

    Args:
        content: The whole file.
        old: Whether a file without a seal may be taken for one from before there were seals.

    Raises:
        Damaged: They are not those that were sealed.
        OtherVersion: They are, and their format is an older or a newer one.
    """
    seals = list(_SEAL.finditer(content))
    if len(seals) != 1:
        raise (
            OtherVersion("an older")
            if old and b'"seal"' not in content
            else Damaged("it has no digest")
        )
    (found,) = seals
    opened = content[: found.start(2)] + b"0" * 64 + content[found.end(2) :]
    if hashlib.sha256(opened).hexdigest().encode() != found[2]:
        raise Damaged("its bytes do not have its digest")
    if (number := int(found[1])) != FORMAT:
        raise OtherVersion("an older" if number < FORMAT else "a newer")
