"""What a file says of itself in its metadata.

What its layers are, where they come from, and what its arrays cannot say.

In another framework some numbers have no place: of two biases only the sum has, PyTorch's count of
batches has none, and Keras' velocity is rounded. So that a file that goes back is the first to the
last bit, what the way back would lose goes with it: the exclusive or of the bits, compressed. It
counts only while the arrays are those that were written, by their digest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from common.errors import UserError, shown
from experiments.converting.files import DTYPES
from experiments.converting.laws import Framework

Arrays = dict[str, np.ndarray]

KEY = "isograd"
KINDS = "kinds"

MOST = 2**25
"""Bytes of what goes with a file in its header, which the library bounds."""


class Origin(NamedTuple):
    """Where a file comes from.

    Attributes:
        framework: Whose names the file had before.
        entries: Its arrays: dtype and shape by name.
        layers: The name of each layer there, by its name here.
        lost: What the way back loses, by the array's name there: dtype, shape and bits.
        heads: Of attentions.
        rate: The learning rate.
        frozen: The names here of layers that are not trained.
        whole: Whether the arrays here are those that were written.
    """

    framework: Framework
    entries: dict[str, Any]
    layers: dict[str, str]
    lost: dict[str, Any]
    heads: int | None
    rate: float | None
    frozen: list[str]
    whole: bool = True

    def like(self) -> Arrays:
        """Arrays of the names, dtypes and shapes that the file had, without its numbers."""
        return {
            name: np.broadcast_to(np.zeros((), dtype), shape)
            for name, (dtype, shape) in self.entries.items()
        }

    def check(self) -> None:
        """Refuse what `metadata` does not write.

        Raises:
            ValueError, TypeError: Something is of another kind.
        """
        for dtype, shape in self.entries.values():
            if dtype not in DTYPES.values() or not all(type(n) is int and n >= 0 for n in shape):
                raise ValueError("an entry")
        if not all(isinstance(name, str) for name in [*self.layers.values(), *self.frozen]):
            raise ValueError("a layer")
        if not (self.heads is None or (type(self.heads) is int and self.heads > 0)):
            raise ValueError("the heads")
        if not (self.rate is None or (type(self.rate) is float and self.rate > 0)):
            raise ValueError("the rate")


def kinds_of(metadata: Mapping[str, str]) -> dict[str, str]:
    """What the metadata says that layers are: `{"0": "Embedding"}`, by class or by kind.

    Its user's entry, or else ours.

    Raises:
        UserError: It is no such JSON.
    """
    key = KINDS if KINDS in metadata else KEY
    try:
        found = json.loads(metadata.get(key, "{}"))
        kinds = found if key == KINDS else found.get(KINDS, {})  # format 1 had the user's entry
        if not all(isinstance(kind, str) for kind in kinds.values()):
            raise ValueError("a kind")
    except (ValueError, AttributeError):
        ours = "what convert wrote; it is damaged"
        be = ours if key == KEY else f"JSON, layer by kind; received {shown(metadata[key])}"
        raise UserError(f"the metadata {key!r} must be {be}; leave it out") from None
    return kinds


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Of names, dtypes, shapes and numbers."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        a = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {a.dtype.str} {a.shape}\n".encode())
        found.update(a.tobytes())
    return found.hexdigest()


def lost(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What has to be said of the arrays before, given those that the way back makes."""
    return {
        name: _difference(a, after.get(name))
        for name, a in before.items()
        if not _same(a, after.get(name))
    }


def _same(a: np.ndarray, b: np.ndarray | None) -> bool:
    return (
        b is not None and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    )


def _difference(a: np.ndarray, b: np.ndarray | None) -> list[Any]:
    bits = np.frombuffer(a.tobytes(), np.uint8)
    if b is not None and a.shape == b.shape and a.dtype == b.dtype:
        bits = bits ^ np.frombuffer(b.tobytes(), np.uint8)
    return [a.dtype.str, list(a.shape), base64.b64encode(zlib.compress(bits.tobytes())).decode()]


def restored(after: Arrays, origin: Origin) -> Arrays:
    """The arrays as they were before, in the order in which they are.

    Raises:
        UserError: What the metadata says does not fit the arrays.
    """
    found = dict(after)
    for name, said in origin.lost.items():
        try:
            dtype, shape, text = said
            if dtype not in DTYPES.values():
                raise ValueError(dtype)
            bits = np.frombuffer(_unpacked(text), np.uint8)
            there = after.get(name)
            if there is not None and there.dtype.str == dtype and list(there.shape) == shape:
                bits = bits ^ np.frombuffer(there.tobytes(), np.uint8)
            found[name] = np.frombuffer(bits.tobytes(), np.dtype(dtype)).reshape(shape)
        except (ValueError, TypeError, zlib.error):
            raise UserError(
                f"the metadata {KEY!r} must say what was lost of {shown(name)}; it is damaged; "
                "leave it out"
            ) from None
    return found


def _unpacked(text: str) -> bytes:
    """Decompressed, within bounds."""
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(base64.b64decode(text, validate=True), 8 * MOST)
    if unpacker.unconsumed_tail:
        raise ValueError("too large")
    return content


def metadata(
    origin: Origin, arrays: Mapping[str, np.ndarray], kinds: Mapping[str, str]
) -> dict[str, str]:
    """What is written into a file; without what is lost where that is too large.

    A single entry, since the library writes several in an order that is another one in each
    process.
    """
    said = origin._asdict()
    del said["whole"]
    own = {"format": 2, KINDS: dict(kinds), **said, "digest": digest(arrays)}
    if len(json.dumps(own)) > MOST:
        own["lost"] = {}
    return {KEY: json.dumps(own)}


def read(metadata: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> Origin | None:
    """Where a file comes from.

    None where it does not say so, or its arrays are others than those that were written.

    Raises:
        UserError: What it says is damaged.
    """
    if KEY not in metadata:
        return None
    try:
        found = json.loads(metadata[KEY])
        entries, layers, lost = (dict(found[name]) for name in ("entries", "layers", "lost"))
        origin = Origin(
            found["framework"],
            entries,
            layers,
            lost,
            found["heads"],
            found["rate"],
            list(found["frozen"]),
            whole=found["digest"] == digest(arrays),
        )
        origin.check()
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"the metadata {KEY!r} must be what convert wrote; it is damaged; leave it out"
        ) from None
    return origin if origin.whole else origin._replace(lost={})
