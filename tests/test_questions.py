"""What porters ask, each in several ways: an entry that answers it is among the first three found,
or a row leads to a page.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.errors import UserError
from experiments.ledger import entries
from experiments.ledger.finding import found
from experiments.ledger.names import rosetta
from experiments.report import guide

FIRST = 3


class Question(BaseModel):
    """One thing that people ask."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    asked: str
    """In the asker's words, shortened."""
    address: str | None = Field(None, pattern=r"^https://")
    """Of the thread, if it was asked in public."""
    ways: tuple[str, ...] = Field(min_length=3)
    """How else it is asked: a phrase, a name, an argument, what an error says."""
    answers: tuple[str, ...] = ()
    """Entries of the ledger, of which each is an answer."""
    page: str | None = None
    """The page that answers, if it is no entry."""


FILE = Path(__file__).with_name("questions.toml")
QUESTIONS = [
    Question.model_validate(each)
    for each in tomllib.loads(FILE.read_text(encoding="utf-8"))["question"]
]


def of(kind: str) -> list[Any]:
    """Each question that has this, with each way of asking it, the asker's own among them."""
    cases = []
    for question in QUESTIONS:
        if getattr(question, kind):
            ways = question.ways if kind == "page" else (*question.ways, question.asked)
            cases += [pytest.param(question, way, id=way) for way in ways]
    return cases


def first(way: str) -> list[str]:
    """The entries that are found first."""
    try:
        return [entry.name for entry in found(way, FIRST)]
    except UserError:
        return []


@pytest.mark.parametrize(("question", "way"), of("answers"))
def test_an_answer_is_among_the_first_three(question: Question, way: str) -> None:
    assert set(first(way)) & set(question.answers), (
        f"{question.asked} Found: {', '.join(first(way)) or 'nothing'}"
    )


@pytest.mark.parametrize(("question", "way"), of("page"))
def test_a_row_of_the_rosetta_table_leads_to_the_page_that_answers(
    question: Question, way: str
) -> None:
    assert question.page in guide.pages()
    assert any(f"({question.page})" in (row.note or "") for row in rosetta.named(way))


def test_there_are_eighteen_questions_and_a_dozen_from_public_threads() -> None:
    public = [question.address for question in QUESTIONS if question.address]
    assert len(set(public)) == len(public) >= 12
    assert len(QUESTIONS) - len(public) >= 18


def test_every_question_is_answered_by_entries_that_there_are_or_by_a_page_and_never_by_both() -> (
    None
):
    for question in QUESTIONS:
        assert bool(question.answers) != bool(question.page), question.asked
        assert set(question.answers) <= set(entries()), question.asked


def test_no_way_of_asking_is_an_entry_s_name_and_none_is_asked_twice() -> None:
    ways = [way for question in QUESTIONS for way in question.ways]
    assert not set(ways) & set(entries())
    assert len(set(ways)) == len(ways)


def test_what_is_of_another_thing_is_not_among_the_first_three() -> None:
    assert "batch-norm-epsilon" not in first("leaky relu")


@pytest.mark.parametrize(
    "way",
    ["xyzzy", "pizza recipe", "how do I cook rice", "the weather tomorrow", "dataloader workers"],
)
def test_what_no_entry_is_about_finds_none(way: str) -> None:
    assert first(way) == []


def test_a_question_asked_in_two_ways_only_is_refused() -> None:
    with pytest.raises(ValidationError, match="ways"):
        Question.model_validate(
            {"asked": "Why?", "ways": ["why", "how"], "answers": ["clip-scope"]}
        )


@pytest.mark.parametrize(
    "word",
    ["clipnorm", "torch.nn.GELU", "batchnorm", "padding", "relu", "activaton", "BatchNorm1d"],
)
def test_any_framework_s_word_finds_entries_that_are_about_it(word: str) -> None:
    about = {
        "clipnorm": "clip",
        "torch.nn.GELU": "gelu",
        "batchnorm": "batch",
        "padding": "padding",
        "relu": "relu",
    }
    about |= {"activaton": "activation", "BatchNorm1d": "batch"}
    texts = [" ".join((name, *entries()[name].words)) for name in first(word)]
    assert len(texts) == FIRST
    assert all(about[word] in text for text in texts)
