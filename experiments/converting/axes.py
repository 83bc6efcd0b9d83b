"""Layouts as words.

`(gate unit) in` is an array [gate unit, in] whose first axis holds the units of each gate.

A name is an axis; several in brackets lie in one axis, the first of them outermost; `1` is an axis
of length 1; `*` are as many axes as there are, and `1*` as many of length 1. It is the notation of
einops.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

Sizes = dict[str, int]
Group = tuple[str, ...]


class Misfit(Exception):
    """An array has not the shape that its layout asks for; what was expected, in words."""


def groups(layout: str, rank: int, sizes: Mapping[str, int]) -> list[Group]:
    """The names that lie in each axis of an array of this rank.

    Raises:
        Misfit: It has not that many axes; the sizes are for the words.
    """
    found = [tuple(word.strip("()").split()) for word in re.findall(r"\([^)]*\)|\S+", layout)]
    for at, (word, *_) in enumerate(found):
        if word.endswith("*"):
            found[at : at + 1] = [(f"{word}{k}",) for k in range(rank - len(found) + 1)]
            break
    if len(found) != rank:
        raise Misfit(spoken(layout, sizes))
    return found


def spoken(layout: str, sizes: Mapping[str, int]) -> str:
    """A layout as a reader is told it, with the sizes that are known: `[out = 5, in]`."""
    words = re.findall(r"\([^)]*\)|\S+", layout)
    return f"[{', '.join(_spoken(word, sizes) for word in words)}]"


def _spoken(word: str, sizes: Mapping[str, int]) -> str:
    names = word.strip("()").split()
    if word.endswith("*"):
        return {"*": "...", "1*": "1, ..."}[word]
    if all(name in sizes for name in names):
        return f"{' x '.join(names)} = {math.prod(sizes[name] for name in names)}"
    return " x ".join(
        f"{sizes[name]} {name}s" if name == "gate" and name in sizes else name for name in names
    )


def unified(layout: str, shape: Sequence[int], sizes: Mapping[str, int]) -> Sizes:
    """The sizes of the names, given those that are known already.

    Raises:
        Misfit: The shape contradicts them.
    """
    found = dict(sizes)
    for group, length in zip(groups(layout, len(shape), sizes), shape, strict=True):
        if not _fits(group, length, found):
            raise Misfit(spoken(layout, sizes))
    return found


def _fits(group: Group, length: int, sizes: Sizes) -> bool:
    """Whether an axis of this length can hold the names; adds what follows of their sizes."""
    if group[0].startswith("1"):
        return length == 1
    if group[0].startswith("*"):
        return length > 0
    unknown = [name for name in group if name not in sizes]
    known = math.prod(sizes[name] for name in group if name in sizes)
    if not unknown:
        return length == known
    if len(unknown) > 1:  # a whole whose parts are not known: that of all heads
        unknown = [" ".join(unknown)]
        if sizes.get(unknown[0], length // known) != length // known:
            return False
    sizes[unknown[0]] = length // known
    return length > 0 and length % known == 0


def rearranged(a: np.ndarray, before: str, after: str, sizes: Mapping[str, int]) -> np.ndarray:
    """The same numbers in another layout.

    A name that `after` has not is an axis of length 1, and so is one that `before` has not.
    """
    source = groups(before, a.ndim, sizes)
    names = [name for group in source for name in group]
    split = a.reshape(
        [
            _size(name, group, length, sizes)
            for group, length in zip(source, a.shape, strict=True)
            for name in group
        ]
    )
    stars = [name for name in names if name.startswith("*")]
    target = _expanded(after, stars)
    wanted = [name for group in target for name in group]
    dropped = [at for at, name in enumerate(names) if name not in wanted]
    moved = split.squeeze(tuple(dropped))
    left = [name for name in names if name in wanted]
    moved = moved.transpose([left.index(name) for name in wanted if name in left])
    lengths = dict(zip([name for name in wanted if name in left], moved.shape, strict=True))
    return moved.reshape([math.prod(lengths.get(name, 1) for name in group) for group in target])


def _expanded(layout: str, stars: list[str]) -> list[Group]:
    words = re.findall(r"\([^)]*\)|\S+", layout)
    starred = any(word.endswith("*") for word in words)
    return groups(layout, len(words) - 1 + len(stars) if starred else len(words), {})


def _size(name: str, group: Group, length: int, sizes: Mapping[str, int]) -> int:
    if len(group) == 1:
        return length
    return (
        sizes[name]
        if name in sizes
        else length // math.prod(sizes[other] for other in group if other != name)
    )
