"""The names at the ends of the lines, for figures.

Where the page's script puts them (script/labels.js), in Python.

All is in the page's pixels, in which text is 12 high; tests/test_labels.py holds both to the same
numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from common.text import shortened

GAP = 15
"""Pixels from one name to the next."""

TEXT = 12
"""The size of text."""

ROOM_OF_A_TICK = 28
"""Pixels from one power of ten on an axis to the next, at least."""

WIDTHS = (
    *(
        318,
        401,
        460,
        838,
        636,
        950,
        780,
        275,
        390,
        390,
        500,
        838,
        318,
        361,
        318,
        337,
        636,
        636,
        636,
        636,
    ),
    *(
        636,
        636,
        636,
        636,
        636,
        636,
        337,
        337,
        838,
        838,
        838,
        531,
        1000,
        684,
        686,
        698,
        770,
        632,
        575,
        775,
    ),
    *(
        752,
        295,
        295,
        656,
        557,
        863,
        748,
        787,
        603,
        787,
        695,
        635,
        611,
        732,
        684,
        989,
        685,
        611,
        685,
        390,
    ),
    *(
        337,
        390,
        838,
        500,
        500,
        613,
        635,
        550,
        635,
        615,
        352,
        635,
        634,
        278,
        278,
        579,
        278,
        974,
        634,
        612,
    ),
    *(635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838),
)
"""The printable ASCII characters of DejaVu Sans, in thousandths of the size. Those of Helvetica and
Arial are narrower."""

OTHERS = dict.fromkeys("⁰¹²³⁴⁵⁶⁷⁸⁹", 401) | {"⁻": 528, "·": 318}
"""The digits of powers of ten."""

WIDEST = 1100
"""Of any other character."""


def width(text: str, size: float = TEXT) -> float:
    """How wide a text is, at most."""
    return size / 1000 * sum(map(_width, text))


def _width(letter: str) -> int:
    return WIDTHS[ord(letter) - 32] if " " <= letter <= "~" else OTHERS.get(letter, WIDEST)


def fitted(text: str, room: float, size: float = TEXT) -> str:
    """The text without so much of its middle that it has room."""
    if width(text, size) <= room:
        return text
    most = len(text)
    while most > 3 and width(shortened(text, most), size) > room:
        most -= 1
    return shortened(text, most)


def wrapped(text: str, room: float, most: int, size: float = TEXT) -> list[str]:
    """The text in at most so many lines of words.

    What has no room in the last one loses its middle, as long words do.
    """
    lines: list[str] = []
    words = text.split(" ")
    while words and len(lines) < most - 1:
        count = 1
        while count < len(words) and width(" ".join(words[: count + 1]), size) <= room:
            count += 1
        lines.append(" ".join(words[:count]))
        words = words[count:]
    rest = [" ".join(words)] if words else []
    return [fitted(line, room, size) for line in lines + rest]


class Domain(NamedTuple):
    """What an axis begins and ends with."""

    low: float
    high: float


def pixel(value: float, domain: Domain, height: float, logarithmic: bool) -> float:
    """Where a value lies, from the top."""
    low, high = domain
    if logarithmic:
        return height * (1 - math.log(value / low) / math.log(high / low))
    return height * (1 - (value - low) / (high - low))


def apart(labels: list[dict[str, Any]], height: float) -> list[dict[str, Any]]:
    """Names, each `from` its line's end, `at` places near to it, a line apart.

    Those too near stand around their middle.
    """
    blocks: list[tuple[list[dict[str, Any]], float]] = []
    for label in sorted(labels, key=lambda one: one["from"]):
        block = ([label], label["from"])
        while blocks and blocks[-1][1] + GAP * len(blocks[-1][0]) > block[1]:
            block = _joined(blocks.pop()[0] + block[0])
        blocks.append(block)
    for members, top in blocks:
        for i, label in enumerate(members):
            label["at"] = top + GAP * i
    return _within(labels, height)


def _joined(members: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], float]:
    """A block whose names are as near to their lines as the others let them."""
    tops = [label["from"] - GAP * i for i, label in enumerate(members)]
    return members, sum(tops) / len(tops)


def _within(labels: list[dict[str, Any]], height: float) -> list[dict[str, Any]]:
    ordered = sorted(labels, key=lambda one: one["at"])
    for i, label in enumerate(ordered):
        label["at"] = max(label["at"], GAP * (i + 0.5))
    for i, label in enumerate(reversed(ordered)):
        label["at"] = min(label["at"], height - GAP * (i + 0.5))
    return labels


def domain_of(values: Iterable[float | None], logarithmic: bool) -> Domain:
    """A domain with room beyond the smallest and the largest value."""
    known = [value for value in values if value is not None and (not logarithmic or value > 0)]
    if not known:
        return Domain(0.1, 10.0) if logarithmic else Domain(0.0, 1.0)
    low = min(known)
    high = max(known)
    if logarithmic:
        return Domain(max(low / 1.6, 5e-324), min(high * 1.6, 1e308))
    room = 0.04 * (high - low) or abs(high) / 10 or 1.0
    return Domain(low - room, high + room)


def decades(domain: Sequence[float], pixels: float) -> list[float] | None:
    """The powers of ten of an axis, as many as there is room for.

    Of fewer than two the axis finds its own ticks.
    """
    low, high = domain
    first = math.ceil(math.log10(low) - 1e-9)
    last = math.floor(math.log10(high) + 1e-9)
    if last - first < 1:
        return None
    every = math.ceil((last - first + 1) / max(2, pixels / ROOM_OF_A_TICK))
    powers = range(last - last % every, first - 1, -every)
    return [float(f"1e{power}") for power in powers]
