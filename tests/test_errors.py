from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import RELATED, Unsupported, UserError, nearest, slips
from common.synonyms import OTHERS, another

KINDS = ["sigmoid", "tanh", "relu", "leaky_relu"]
ACTIVATIONS = [*KINDS, "prelu", "elu"]
INITIALIZATIONS = ["gaussian", "xavier", "he"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("rleu", "relu"), ("sigmod", "sigmoid"), ("sigmoidd", "sigmoid"), ("sigmaid", "sigmoid"),
        ("tan", "tanh"),
        ("leaky-relu", "leaky_relu"), ("LeakyReLU", "leaky_relu"), ("leaky relu", "leaky_relu"),
        ("leeky_rlu", "leaky_relu"),
        ("TANH", "tanh"), ("relu_", "relu"),
    ],
)  # fmt: skip
def test_a_misspelt_word_is_answered_by_the_nearest_one(word: str, meant: str) -> None:
    assert nearest(word, KINDS) == f"; did you mean {meant!r}?"


@pytest.mark.parametrize(
    "word",
    ["gelu", "GELU", "selu", "celu", "silu", "swish", "adam", "hard-sigmoid", "layer", "softplus"],
)
def test_a_word_that_is_something_else_is_not_taken_for_a_misspelt_one(word: str) -> None:
    assert another(word)
    assert nearest(word, ACTIVATIONS) == "; known: elu, leaky_relu, prelu, relu, sigmoid, tanh"
    assert nearest(word, ["none", "batch"]) == "; known: batch, none"


@pytest.mark.parametrize(
    "word", ["vanish", "deep", "leakage", "h", "to", "el", "relational", "xyzzy"]
)
def test_what_is_no_slip_of_the_keyboard_gets_the_known_words(word: str) -> None:
    assert nearest(word, ["vanishing", "depth", "leaky_relu", "he", "in", "elu"]).startswith(
        "; known: depth, elu, he, in"
    )


def test_two_words_that_are_as_near_are_both_named() -> None:
    assert nearest("xelu", ACTIVATIONS) == "; did you mean 'elu' or 'relu'?"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("glorot", "; glorot is xavier here, with fan = 'avg'"),
        ("Glorot", "; glorot is xavier here, with fan = 'avg'"),
        ("lecun", "; lecun is xavier here, with fan = 'in'"),
        ("kaiming", "; kaiming is he here"),
    ],
)
def test_another_name_of_the_same_thing_is_said_to_be_it(word: str, said: str) -> None:
    assert nearest(word, INITIALIZATIONS) == said
    assert nearest(word, ACTIVATIONS).startswith("; known: ")


def test_no_word_for_something_else_is_answered_by_a_guess() -> None:
    for word in OTHERS:
        for known in (
            ACTIVATIONS,
            INITIALIZATIONS,
            ["none", "batch"],
            ["none", "value", "norm", "global_norm"],
        ):
            assert "did you mean" not in nearest(word, known), word


def test_related_words_are_sentences_that_name_what_they_lead_to() -> None:
    assert all(meant in sentence for meant, sentence in RELATED.values())


@given(word=st.text("abcde", max_size=6), index=st.integers(0, 5))
def test_a_slip_counts_once(word: str, index: int) -> None:
    at = min(index, len(word))
    inserted = f"{word[:at]}x{word[at:]}"
    assert slips(word, word) == 0
    assert slips(word, inserted) == slips(inserted, word) == 1
    assert slips(inserted, f"{word[:at]}y{word[at:]}") == 1
    assert slips("ab" + word, "ba" + word) == 1
    assert slips("", word) == len(word)


def test_the_known_words_are_listed_in_order_where_none_is_near() -> None:
    assert nearest("xyzzy", KINDS) == "; known: leaky_relu, relu, sigmoid, tanh"


def test_the_words_may_come_from_any_iterable() -> None:
    assert nearest("rleu", (kind for kind in KINDS)) == nearest("rleu", dict.fromkeys(KINDS))


def test_what_a_backend_cannot_offer_is_the_users_error() -> None:
    assert issubclass(Unsupported, UserError)
    assert not issubclass(UserError, (ValueError, OSError)), "else it would be caught by accident"
