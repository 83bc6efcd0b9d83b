"""The errors that a user meets: one line each, with the rule, what was received, and the cure."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from pathlib import Path

from common.synonyms import another, written
from common.text import columns, escaped, fitted

COLUMNS = 200 - len("error: ")
"""How long an error is at most, as a command prints it."""

LISTED = 110
"""So many columns of known words are listed."""

CODE = 1000
"""A line of Python that is longer is left out."""

INSTALLED = not (Path(__file__).parents[1] / "constraints.txt").is_file()
"""Whether this is no clone of the project, but lies where `pip install` has put it."""

RELATED = {
    "glorot": ("xavier", "glorot is xavier here, with fan = 'avg'"),
    "lecun": ("xavier", "lecun is xavier here, with fan = 'in'"),
    "kaiming": ("he", "kaiming is he here"),
    "zeros": ("constant", "zeros is constant here, with value = 0"),
    "logistic": ("sigmoid", "logistic is sigmoid here"),
    "lrelu": ("leaky_relu", "lrelu is leaky_relu here"),
    "linear": ("identity", "linear is identity here"),
    "swish": ("silu", "swish is silu here"),
    "bn": ("batch", "bn is batch here"),
    "batch_norm": ("batch", "batch_norm is batch here"),
    "clipvalue": ("value", "clipvalue is value here"),
    "clipnorm": ("norm", "clipnorm is norm here"),
    "global_clipnorm": ("global_norm", "global_clipnorm is global_norm here"),
    "pytorch": ("torch", "pytorch is torch here"),
    "tensorflow": ("keras", "the backend on TensorFlow is keras"),
    "tf": ("keras", "the backend on TensorFlow is keras"),
    "flax": ("jax", "flax is part of jax here"),
    "cuda": ("gpu", "cuda is gpu here"),
    "lr": ("learning_rate", "lr is learning_rate here"),
    "eps": ("epsilon", "eps is epsilon here"),
    "layers": ("depth", "the hidden layers are counted by depth"),
    "units": ("width", "the units of a layer are counted by width"),
}
"""Words of the field for what has another name here: that name, and the sentence that says so."""

MOST_SLIPS = 2


class UserError(Exception):
    """The user's mistake; a command prints it as one line and exits with status 2.

    Whatever is received, the line is printable, and short enough to be read: long words lose their
    middles.
    """

    def __init__(self, message: str, code: str = "") -> None:
        """State the mistake.

        Args:
            message: The rule, what was received, and the cure.
            code: A line of Python to copy, which is said after the message and never shortened.
        """
        self.code = escaped(code) if len(code) <= CODE else ""
        self.line = fitted(escaped(message), COLUMNS)
        super().__init__(self.line + self.code)


class Failed(Exception):
    """What was asked came to no good end through no mistake of the command.

    Somebody's model raised, or its process ended.
    """


class Unsupported(UserError):
    """Something that a backend cannot offer here; the message says what it has instead."""


class _Shown(reprlib.Repr):
    """Python's own way of writing a value, bounded in length and in depth."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = 60
        self.maxother = 60
        self.maxlong = 60

    def repr_int(self, x: int, level: int) -> str:
        """A whole number; Python refuses to write one of very many digits."""
        return (
            super().repr_int(x, level)
            if x.bit_length() < 10_000
            else f"a whole number of {x.bit_length():,} bits"
        )


_SHOWN = _Shown()


def shown(value: object) -> str:
    """What was received, as Python writes it, without the middle of what is long."""
    return fitted(escaped(_SHOWN.repr(value)), 70)


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error message.

    It is `; did you mean 'relu'?`, `; glorot is xavier here, ...`, or the known words.

    Only a slip of the keyboard is taken for another word: one letter missing, too many, wrong or
    swapped with its neighbour, two in a word of eight letters or more. A word that means something
    else in the field is never taken for another.
    """
    words = sorted(known)
    by_writing = {written(each): each for each in words}
    meant, sentence = RELATED.get(written(word), ("", ""))
    if meant in by_writing:
        return f"; {sentence}"
    near = [by_writing[each] for each in _near(written(word), list(by_writing))]
    return (
        f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; known: {_listed(words)}"
    )


def _listed(words: list[str]) -> str:
    """The words as far as a line has room for them."""
    room = LISTED
    for count, word in enumerate(words):
        room -= columns(word) + 2
        if room < 0:
            return ", ".join([*words[:count], "..."])
    return ", ".join(words)


def _near(word: str, known: list[str]) -> list[str]:
    if word in known:
        return [word]
    if another(word):
        return []
    alike = [each for each in known if abs(len(each) - len(word)) <= MOST_SLIPS]
    distances = {each: slips(word, each) for each in alike}
    allowed = {
        each: distance for each, distance in distances.items() if distance <= _allowed(word, each)
    }
    return [each for each, distance in allowed.items() if distance == min(allowed.values())]


def _allowed(word: str, known: str) -> int:
    """How many slips a word may be away: a third of a short word is another word."""
    shorter = min(len(word), len(known))
    if sorted(word) == sorted(known):  # only swapped
        return 1 if shorter < 8 else MOST_SLIPS
    return 0 if shorter < 3 else 1 if shorter < 8 else MOST_SLIPS


def slips(a: str, b: str) -> int:
    """How many slips turn one word into the other.

    A letter missing, too many, wrong, or swapped with its neighbour.
    """
    rows = [list(range(len(b) + 1))]
    for i, letter in enumerate(a, start=1):
        row = [i]
        for j, other in enumerate(b, start=1):
            best = min(rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (letter != other))
            if i > 1 and j > 1 and (letter, a[i - 2]) == (b[j - 2], other):
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def install_command(extra: str = "") -> str:
    """What installs the packages of this project, or with those of an extra.

    An extra is a backend's, `ray` or `tensorboard`.
    """
    chosen = f"[{extra}]" if extra else ""
    if INSTALLED:
        return f'pip install "isograd{chosen}"'
    return (
        f'pip install -c constraints.txt -e ".{chosen}"'
        if extra
        else "pip install -c constraints.txt -e ."
    )
