"""Awkward files of an experiment: values and keys that nobody expects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from experiments.settings import Settings

T = TypeVar("T")


Pick = Callable[[Sequence[Any]], Any]


VALUES = [
    *(
        "0",
        "-1",
        "2",
        "3",
        "7.0",
        "1.5",
        "1e20",
        "1" * 30,
        "1" * 1500,
        "1e999",
        "nan",
        "-inf",
        "true",
        "false",
        "0x10",
    ),
    *(
        "1e-320",
        '""',
        '"3"',
        '" "',
        '"relu"',
        '"rleu"',
        '"batch"',
        '"none"',
        '"float32"',
        '"digits"',
        '"mine.npz"',
        '"/dev/zero"',
    ),
    *(
        '"fifo"',
        r'"\u0000"',
        r'"\u202e"',
        r'"\u001b[2J"',
        '"[/nope] [bold]"',
        '"' + "x" * 1500 + '"',
        "'''a\nb'''",
        '"é漢"',
    ),
    *(
        r'"\uffff"',
        "[]",
        "[1, 2]",
        "[[3]]",
        '["relu", "tanh"]',
        "{}",
        '{ kind = "relu" }',
        '{ kind = "elu", alpha = 0 }',
    ),
    *(
        "{ kind = [] }",
        '{ kind = "leaky_relu", slope = true }',
        '{ kind = "xavier", fan = "both" }',
        "{ kind = 3 }",
    ),
    *(
        '{ kind = "" }',
        "{ a.b.c = 1 }",
        "1979-05-27",
        "07:32:00",
        "[" * 400 + "]" * 400,
        "[" * 5,
        "nonsense",
        "",
    ),
    *("9223372036854775808", "18446744073709551616"),
]
"""What may stand after a key."""


KEYS = [
    *Settings.model_fields,
    "name",
    "question",
    "dept",
    "lr",
    '""',
    r'"\u001b"',
    "a.b",
    "x" * 300,
    '"[/nope]"',
    "é",
]


HEADS = [
    "[base]",
    "[grid]",
    "[[configuration]]",
    "[thresholds]",
    "[base.activation]",
    "[gird]",
    "[[grid]]",
    "[]",
    "[base]\n[base]",
]


ORDINARY = b'question = "why?"\n[[configuration]]\nactivation = "relu"\n'


GRID = b"".join(
    b"%s = [%s]\n" % (key, b"2, " * 500) for key in (b"depth", b"width", b"seeds", b"steps")
)


WHOLE = [
    *(
        b"",
        b"\xef\xbb\xbf" + ORDINARY,
        b"\xff\xfe" + ORDINARY,
        ORDINARY + b"\0",
        ORDINARY.replace(b"\n", b"\r"),
        b"\xff" * 100,
    ),
    *(
        b'question = "' + b"q" * 1500 + b'"\n[[configuration]]',
        b".".join([b"a"] * 60_000) + b" = 1",
        b"#" * 300_000,
    ),
    *(
        b"[" + b".".join([b"a"] * 900) + b"]\n" * 9,
        b"a = " + b"[" * 1900,
        b"x = 1\n" * 30_000,
        b"\x1b]0;title\x07",
    ),
    *(
        b"a = " + b"1" * 10_000,
        b"a = " + b"[" * 90_000,
        b"a = [\n" + b"{ b = [\n" * 20_000,
        b"[a]\n[[a]]",
        b"\r\n" * 100_000,
    ),
    *(
        b"[[configuration]]\n" * 9000,
        ORDINARY + b"[[configuration]]\n" * 2000,
        b'question = "q"\n[grid]\n' + GRID,
        b"= 1",
    ),
]
"""Files of TOML as they are, or are none."""


def toml(pick: Pick) -> bytes:
    """A file that somebody might write."""
    if not pick(range(4)):
        return pick(WHOLE)
    lines = [f"question = {pick(VALUES)}" if not pick(range(6)) else 'question = "why?"']
    for _ in range(pick(range(1, 4))):
        lines.append(pick(HEADS[:3] + HEADS))
        for _ in range(pick(range(4))):
            value = pick(VALUES)
            several = pick([value, value, f"[{value}, {pick(VALUES)}]"])
            lines.append(f"{pick(KEYS)} = {several}")
    return "\n".join(lines).encode()
