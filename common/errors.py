"""The errors that a user meets: one line each, with the rule, what was received, and the cure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """The user's mistake; a command prints it as one line and exits with status 2."""


class Unsupported(UserError):
    """Something that a backend cannot offer here; the message says what it has instead."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error message: `; did you mean 'relu'?`, or the known words when none is near."""
    words = sorted(known)
    match = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f"; did you mean {match[0]!r}?" if match else f"; known: {', '.join(words)}"
