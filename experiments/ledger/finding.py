"""Entries of the ledger by any word.

A framework's name for something, an argument, or how people speak of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from backends import FRAMEWORKS
from common.errors import UserError, nearest
from experiments.ledger import Difference, entries, families

LEAST = 0.2
"""The likeness below which an entry has nothing to do with what was asked: what is about other
things reaches 0.18, a slip in a word has 0.21, and what answers one of the tests' questions has
0.27 at least."""

ASKING = "a an the what why how where which when do does did is are i my me"
"""Words that ask, and say nothing of what."""

MOST = 8
"""So many entries are an answer; more are a list."""


def apart(text: str) -> str:
    """Words as they are compared.

    Names that are written together taken apart, as in BatchNorm1d and from_logits.
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[_.\-/()=,:]", " ", text)
    together = re.sub(r"[\W_]+", "", text) if len(text.split()) == 1 else ""
    return f"{text} {spaced} {together}".lower()


def _text(difference: Difference) -> str:
    lines = [difference.trial.native.of(framework) for framework in FRAMEWORKS]
    words = [apart(word) for word in difference.words]
    family = next(
        name
        for name, family in families().items()
        if any(each["name"] == difference.name for each in family.difference)
    )
    return " ".join(
        [
            *words,
            *words,
            apart(difference.question),
            apart(difference.name),
            family,
            *map(apart, lines),
        ]
    )


def _told(difference: Difference) -> str:
    return f"{_text(difference)} {apart(difference.surprised)} {apart(difference.mapping or '')}"


WHOLE = r"[^\s?,;:!\"]+"
"""A whole word, as it stands: what it is part of counts less than what it is."""


@cache
def _indices() -> tuple[tuple[Any, Any], ...]:
    """By parts of words, which forgives slips, in what names an entry.

    And by whole words, in all that it tells.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    whole = TfidfVectorizer(token_pattern=WHOLE, sublinear_tf=True)
    differences = entries().values()
    return (parts, parts.fit_transform(map(_text, differences))), (
        whole,
        whole.fit_transform(map(_told, differences)),
    )


def _likeness(words: str) -> Any:
    """How near each entry is to the words: the sum of two cosines."""
    telling = [word for word in words.split() if word.lower() not in ASKING.split()]
    asked = [apart(" ".join(telling) or words)]
    return sum(
        (matrix @ vectorizer.transform(asked).T).toarray().ravel()
        for vectorizer, matrix in _indices()
    )


def found(words: str, most: int = MOST) -> list[Difference]:
    """The entries that the words are about, the nearest first.

    Raises:
        UserError: None is about them.
    """
    if words in entries():
        return [entries()[words]]
    likeness = _likeness(words)
    order = sorted(range(len(likeness)), key=lambda i: -likeness[i])
    differences = list(entries().values())
    close = [differences[i] for i in order[:most] if likeness[i] >= LEAST]
    if not close:
        raise UserError(
            f"no difference is about {words!r}{nearest(words, known())}; without a word all of "
            "them are listed"
        )
    return close


def known() -> Iterable[str]:
    """All words that entries have."""
    return sorted({word for difference in entries().values() for word in difference.words})
