"""Files as they are not meant to be: what disks, copies, other programs and hands make of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

Rng = np.random.Generator
Mutation = Callable[[Rng, bytes, bytes], bytes]


def _span(rng: Rng, content: bytes) -> tuple[int, int]:
    """Where a span begins and ends, short ones as often as long ones."""
    start = int(rng.integers(len(content)))
    length = int(2 ** rng.uniform(0, np.log2(len(content))))
    return start, min(len(content), start + length)


def flipped(rng: Rng, content: bytes, other: bytes) -> bytes:
    """A single bit."""
    at = int(rng.integers(len(content)))
    bit = int(rng.integers(8))
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def overwritten(rng: Rng, content: bytes, other: bytes) -> bytes:
    start, end = _span(rng, content)
    return content[:start] + rng.bytes(end - start) + content[end:]


def zeroed(rng: Rng, content: bytes, other: bytes) -> bytes:
    """What a power cut leaves of a file that was not brought to the disk."""
    start, end = _span(rng, content)
    return content[:start] + bytes(end - start) + content[end:]


def truncated(rng: Rng, content: bytes, other: bytes) -> bytes:
    return content[: int(rng.integers(len(content)))]


def beheaded(rng: Rng, content: bytes, other: bytes) -> bytes:
    return content[int(rng.integers(1, len(content))) :]


def inserted(rng: Rng, content: bytes, other: bytes) -> bytes:
    at = int(rng.integers(len(content) + 1))
    return content[:at] + rng.bytes(int(rng.integers(1, 64))) + content[at:]


def deleted(rng: Rng, content: bytes, other: bytes) -> bytes:
    start, end = _span(rng, content)
    return content[:start] + content[end:]


def duplicated(rng: Rng, content: bytes, other: bytes) -> bytes:
    start, end = _span(rng, content)
    return content[:end] + content[start:]


def swapped(rng: Rng, content: bytes, other: bytes) -> bytes:
    """Two blocks of equal size, one for the other."""
    size = int(2 ** rng.uniform(0, np.log2(len(content) // 2)))
    first, second = sorted(int(n) for n in rng.integers(0, len(content) - size, 2))
    second = max(second, first + size)
    a = content[first : first + size]
    b = content[second : second + size]
    return content[:first] + b + content[first + size : second] + a + content[second + size :]


def spliced(rng: Rng, content: bytes, other: bytes) -> bytes:
    """This file up to somewhere, and another one from there on."""
    at = int(rng.integers(min(len(content), len(other))))
    return content[:at] + other[at:]


def exchanged(rng: Rng, content: bytes, other: bytes) -> bytes:
    """Another file under this one's name."""
    return other


def edited(rng: Rng, content: bytes, other: bytes) -> bytes:
    """JSON of right syntax that says something else, in the same layout."""
    document = json.loads(content)
    holder, key = _leaf(rng, document)
    value = holder[key]
    changes = [
        value + 1 if isinstance(value, int | float) else f"{value}x",
        None,
        0,
        "",
        "../../up",
        1e300,
        [],
        {},
    ]
    holder[key] = changes[int(rng.integers(len(changes)))]
    return json.dumps(document, indent=1).encode()


def _leaf(rng: Rng, document: Any) -> tuple[Any, Any]:
    """A random leaf, as what holds it and its key there."""
    while True:
        keys = list(document) if isinstance(document, dict) else list(range(len(document)))
        key = keys[int(rng.integers(len(keys)))]
        if not isinstance(document[key], dict | list) or not document[key]:
            return document, key
        document = document[key]


OF_BYTES: tuple[Mutation, ...] = (
    flipped, overwritten, zeroed, truncated, beheaded, inserted, deleted, duplicated, swapped,
    spliced, exchanged,
)  # fmt: skip
OF_JSON: tuple[Mutation, ...] = (*OF_BYTES, edited)


def mutant(
    rng: Rng, content: bytes, other: bytes, mutations: tuple[Mutation, ...]
) -> tuple[str, bytes]:
    """The name of a mutation, and what it makes of the content."""
    mutation = mutations[int(rng.integers(len(mutations)))]
    return mutation.__name__, mutation(rng, content, other)
