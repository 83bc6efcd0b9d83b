"""Profiles of the gradient in block characters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.text import Text

from experiments.findings.document import Document
from experiments.report.layout import Row, table, wrapped
from experiments.report.speaker import first_run

BLOCKS = "▁▂▃▄▅▆▇█"


def profiles(document: Document, width: int) -> Iterator[Text]:
    """The signal gradient of each layer at the first step.

    One scale for all, so that heights can be compared.
    """
    rows = [
        (c.name, run.profile)
        for c in document.configurations
        if (run := first_run(c)) and run.profile
    ]
    logs = [math.log10(value) for _, profile in rows for value in profile if value]
    if not logs:
        return
    low = math.floor(min(logs))
    high = math.ceil(max(logs))
    yield from table(
        ("configuration", f"first {document.site} ... last {document.site}", "smallest", "largest"),
        [
            Row(name, [drawn(profile, low, high, max(20, width // 2 - 8)), *_extremes(profile)])
            for name, profile in rows
        ],
        width,
        left=1,
    )
    scale = (
        f"{BLOCKS[0]} 1e{low:+d} to {BLOCKS[-1]} 1e{high:+d}, logarithmic; 0 and ? (not finite) "
        "are said as such"
    )
    yield from (Text(line, style="dim") for line in wrapped(scale, width))


def _extremes(profile: Sequence[float | None]) -> list[str]:
    known = [value for value in profile if value is not None]
    return [f"{pick(known):.1e}" if known else "not finite" for pick in (min, max)]


def drawn(profile: Sequence[float | None], low: float, high: float, room: int) -> str:
    """A profile in at most `room` block characters, logarithmic from 10^low to 10^high."""
    every = math.ceil(len(profile) / room)
    return "".join(_block(value, low, high) for value in profile[::every])


def _block(value: float | None, low: float, high: float) -> str:
    if not value:
        return "?" if value is None else "0"
    height = (math.log10(value) - low) / max(high - low, 1)
    return BLOCKS[min(len(BLOCKS) - 1, max(0, int(height * len(BLOCKS))))]
