"""Tables of text for a terminal.

A name is never broken within one of its parts, and every line fits the width.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

COLOURS = {
    "comes through": "green", "learns": "green", "vanishing": "yellow", "has not learnt": "yellow",
    "exploding": "magenta",
    "dead": "red", "non-finite": "red", "diverged": "red", "crashed": "red", "unsupported": "red",
    "missing": "red",
    "broken": "red", "cannot be judged": "yellow",
}  # fmt: skip
"""Verdicts are words, and coloured besides."""

GAP = "  "


class Row(NamedTuple):
    """A line of a table: a name, its cells, and what is to be said below it.

    Without cells it is a heading between others.
    """

    name: str
    cells: Sequence[str] = ()
    notes: Sequence[str] = ()


def table(
    heads: Sequence[str], rows: Sequence[Row], width: int, *, left: int = 0, indent: str = ""
) -> Iterator[Text]:
    """The lines of a table. A name that leaves no room for its cells has a line of its own.

    Args:
        heads: The headings, the name's first; a line break in one is kept.
        rows: The rows.
        width: How many columns the terminal has.
        left: So many cells after the name are aligned at their left, all others at their right.
        indent: Before every line.
    """
    split = [head.split("\n") for head in heads]
    height = max(map(len, split))
    top = [[""] * (height - len(head)) + head for head in split]
    columns = list(zip(*([*head] for head in top[1:]), strict=True))
    widths = [
        max(map(cell_len, (*top[i + 1], *(row.cells[i] for row in rows if row.cells))))
        for i in range(len(heads) - 1)
    ]
    room = width - len(indent) - sum(len(GAP) + w for w in widths)
    fitting = [cell_len(row.name) for row in rows if row.cells and cell_len(row.name) <= room]
    first = max([cell_len(line) for line in top[0]] + fitting)
    for name, cells in zip(top[0], columns, strict=True):
        yield Text(f"{indent}{_joined(name, cells, first, widths, left)}".rstrip(), style="dim")
    for row in rows:
        name = row.name
        if not row.cells:
            yield from (
                Text(),
                *(Text(line, style="bold") for line in wrapped(name, width, indent)),
            )
            continue
        if cell_len(name) > first:
            yield from (Text(indent + part) for part in folded(name, width - len(indent)))
            name = ""
        yield coloured(
            f"{indent}{_joined(name, row.cells, first, widths, left)}".rstrip(), row.cells
        )
        for note in row.notes:
            yield from (Text(line, style="dim") for line in wrapped(note, width, f"{indent}    "))


def _joined(name: str, cells: Sequence[str], first: int, widths: Sequence[int], left: int) -> str:
    parts = [_padded(name, first, at_left=True)]
    parts += [
        _padded(cell, width, at_left=i < left)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return GAP.join(parts)


def _padded(text: str, width: int, *, at_left: bool) -> str:
    space = " " * (width - cell_len(text))
    return text + space if at_left else space + text


def coloured(line: str, words: Sequence[str]) -> Text:
    """A line in which the cells that are verdicts have their colours."""
    text = Text(line)
    for word in words:
        if word in COLOURS and (at := line.rfind(word)) >= 0:
            text.stylize(COLOURS[word], at, at + len(word))
    return text


def folded(name: str, width: int) -> list[str]:
    """A name in lines, broken between its parts (`sigmoid`, `batch norm`, `xavier`).

    Within one only where it must be.
    """
    lines: list[str] = []
    for part in re.split(r"(?<=, )|(?= \+ )", name):
        if lines and cell_len(lines[-1] + part) <= width:
            lines[-1] += part
        else:
            lines += textwrap.wrap(part.strip(), max(width, 1)) or [""]
    return lines


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """A sentence in lines, indented."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
