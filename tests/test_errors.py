from __future__ import annotations

import pytest

from common.errors import Unsupported, UserError, nearest

KINDS = ["sigmoid", "tanh", "relu", "leaky_relu"]


@pytest.mark.parametrize(
    ("word", "meant"), [("rleu", "relu"), ("sigmod", "sigmoid"), ("leaky-relu", "leaky_relu"), ("tan", "tanh")]
)
def test_a_misspelt_word_is_answered_by_the_nearest_one(word: str, meant: str) -> None:
    assert nearest(word, KINDS) == f"; did you mean {meant!r}?"


def test_the_known_words_are_listed_in_order_where_none_is_near() -> None:
    assert nearest("xyzzy", KINDS) == "; known: leaky_relu, relu, sigmoid, tanh"


def test_the_words_may_come_from_any_iterable() -> None:
    assert nearest("rleu", (kind for kind in KINDS)) == nearest("rleu", dict.fromkeys(KINDS))


def test_what_a_backend_cannot_offer_is_the_users_error() -> None:
    assert issubclass(Unsupported, UserError)
    assert not issubclass(UserError, (ValueError, OSError)), "else it would be caught by accident"
