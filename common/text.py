"""Words that a user wrote, made fit for a terminal, a page and a file's name."""

from __future__ import annotations

import re
import unicodedata

CONTROLS = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of what has no shape of its own: controls, directions, halves of characters,
line separators."""

JOINERS = "\u200c\u200d"
"""Controls that are part of words: of Persian ones, and of emoji."""

ELLIPSIS = "…"

LONG = 20_000
"""Characters from which on a line is not gone through word by word: that takes their square."""


def control_in(text: str) -> str:
    """The first control character of a text, or an empty string."""
    return next(
        (each for each in text if unicodedata.category(each) in CONTROLS and each not in JOINERS),
        "",
    )


def escaped(text: str) -> str:
    r"""The text with its control characters as Python writes them: a line break as `\n`."""
    if not control_in(text):
        return text
    return "".join(
        each.encode("unicode_escape").decode() if control_in(each) else each for each in text
    )


def columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def shortened(text: str, most: int) -> str:
    """The text without its middle where it would take more columns."""
    if columns(text) <= most:
        return text
    head = tail = ""
    for first, last in zip(text, reversed(text), strict=True):
        if columns(head + tail + first + last) >= most:
            break
        head, tail = head + first, last + tail
    return head + ELLIPSIS + tail


def fitted(line: str, most: int, longest_word: int = 40) -> str:
    """A line of at most so many columns: the middles of long words go first, then its own."""
    if len(line) > LONG:
        line = line[: LONG // 2] + ELLIPSIS + line[-LONG // 2 :]
    words = line.split(" ")
    for at in sorted(range(len(words)), key=lambda at: len(words[at]), reverse=True):
        over = columns(" ".join(words)) - most
        if over <= 0 or columns(words[at]) <= longest_word:
            break
        words[at] = shortened(words[at], max(longest_word, columns(words[at]) - over))
    return shortened(" ".join(words), most)


def label(text: str, most: int) -> str:
    """A name or a question: one line, its blanks and line breaks made single blanks.

    Raises:
        ValueError: It is empty, or longer than so many characters, or has a control character.
    """
    if len(text) > most:
        raise ValueError(f"must have at most {most:,} characters; received {len(text):,}")
    line = " ".join(text.split())
    if not line:
        raise ValueError(
            "must not be empty; received nothing but blanks; leave it out, or write a word"
        )
    return printable(line)


def printable(text: str) -> str:
    """The text itself.

    Raises:
        ValueError: It has a control character.
    """
    if control := control_in(text):
        raise ValueError(
            f"must be text without control characters; received U+{ord(control):04X} in it; leave "
            "that out"
        )
    return text


def path(text: str) -> str:
    """The path of a file, as a plan can state it.

    Raises:
        ValueError: It is empty, or has a control character, or is not UTF-8.
    """
    if not text:
        raise ValueError(
            "must be the path of a file; received an empty one; leave it out, or write a path"
        )
    if control := control_in(text):
        raise ValueError(
            "must be a path without control characters and in UTF-8; received "
            f"U+{ord(control):04X}; rename the file"
        )
    return text


def file_stem(name: str, most: int = 150) -> str:
    """A name as that of a file, without suffix: of so many bytes at most, in no other folder."""
    plain = re.sub(r"[^\w.+=@ -]", "-", name).strip(". ")
    return plain.encode(errors="ignore")[:most].decode(errors="ignore") or "unnamed"
