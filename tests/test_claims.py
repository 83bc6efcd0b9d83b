"""The claims of the article: verdicts follow from figures and turn with them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from backends import FRAMEWORKS
from common.errors import UserError
from experiments import claims
from experiments.claiming.article import CLAIMS
from experiments.claiming.claim import Case, Claim, Judged, judge
from experiments.claiming.criteria import Above, Below, Between, Criterion, Figure, Near
from experiments.claiming.evidence import Evidence

CRITERIA = list(
    dict.fromkeys(case.criterion for claim in CLAIMS for case in (*claim.cases, *claim.beside))
)


def beyond(criterion: Criterion, *, met: bool) -> Figure:
    """A figure that surely meets a criterion, or surely does not."""
    match criterion:
        case Below(bound=bound):
            return Figure(bound - 1 if met else bound + 1)
        case Above(bound=bound):
            return Figure(bound + 1 if met else bound - 1)
        case Between(low=low, high=high):
            return Figure((low + high) / 2 if met else high + 1)
        case Near(expected=expected):
            return Figure(expected if met else 2 * expected)


def planted(claim: Claim, *outcomes: bool | None) -> Claim:
    """The claim with figures for its cases that meet their criteria, or do not, or are nothing."""

    def case(one: Case, met: bool | None) -> Case:
        figure = Figure(float("nan")) if met is None else beyond(one.criterion, met=met)
        return replace(one, measure=lambda evidence: figure)

    return replace(
        claim,
        cases=tuple(case(*pair) for pair in zip(claim.cases, outcomes, strict=True)),
        beside=(),
    )


def verdict(claim: Claim) -> str:
    return judge(claim, {name: Evidence({}, {}) for name in FRAMEWORKS}).verdict


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.words)
def test_the_verdict_on_every_claim_turns_with_its_figures(claim: Claim) -> None:
    count = len(claim.cases)
    assert verdict(planted(claim, *[True] * count)) == "holds"
    assert verdict(planted(claim, *[False] * count)) == "does not hold"
    assert verdict(planted(claim, *[None] * count)) == "cannot be told"
    for place in range(count if count > 1 else 0):
        wrong: list[bool | None] = [True] * count
        wrong[place] = False
        assert verdict(planted(claim, *wrong)) == "holds with a condition"


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
def test_a_criterion_is_met_or_not_and_of_nan_cannot_be_told(criterion: Criterion) -> None:
    assert criterion.met(beyond(criterion, met=True)) is True
    assert criterion.met(beyond(criterion, met=False)) is False
    assert criterion.met(Figure(float("nan"))) is None


def test_a_figure_within_two_standard_errors_of_a_bound_is_on_neither_side() -> None:
    assert Above(0.0).met(Figure(0.019, 0.01)) is None
    assert Above(0.0).met(Figure(0.021, 0.01)) is True
    assert Below(0.0).met(Figure(0.021, 0.01)) is False
    assert Between(-1.0, 1.0).met(Figure(0.99, 0.01)) is None


def test_a_bound_that_is_reached_exactly_is_not_exceeded() -> None:
    assert Above(1.0).met(Figure(1.0)) is False
    assert Below(1.0).met(Figure(1.0)) is False


def of_frameworks(**figures: Figure | None) -> Judged:
    case = Case("", lambda evidence: figures[evidence.facts["name"]], Above(0.0))
    return judge(Claim("", (case,)), {name: Evidence({}, {"name": name}) for name in figures})


def test_a_framework_that_differs_takes_a_case_away() -> None:
    found = of_frameworks(torch=Figure(1.0), keras=Figure(-1.0), jax=Figure(1.0))
    assert (found.outcomes, found.verdict) == ("differs", "does not hold")


def test_a_framework_that_has_nothing_of_the_kind_has_no_say() -> None:
    assert of_frameworks(torch=Figure(1.0), keras=None, jax=None).verdict == "holds"
    assert of_frameworks(torch=None, keras=None, jax=None).verdict == "cannot be told"


def test_a_framework_that_is_not_sure_keeps_a_claim_from_holding() -> None:
    assert (
        of_frameworks(torch=Figure(1.0), keras=Figure(0.1, 0.1), jax=Figure(1.0)).verdict
        == "cannot be told"
    )


def test_words_are_said_for_the_outcomes_only_that_they_were_written_for() -> None:
    claim = Claim(
        "",
        (
            Case("a", lambda _: Figure(1.0), Above(0.0)),
            Case("b", lambda _: Figure(0.0), Below(1.0)),
        ),
    )
    said = replace(claim, meaning={"yes no": "only a"})
    found = {name: Evidence({}, {}) for name in FRAMEWORKS}
    assert judge(said, found).condition == ""
    turned = replace(said, cases=(said.cases[0], replace(said.cases[1], criterion=Above(1.0))))
    assert judge(turned, found).condition == "only a"
    unforeseen = replace(turned, meaning={"no no": "none"})
    assert judge(unforeseen, found).condition == "in 1 of 2 cases: a"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (claims.Options(backends=("numpy",)), "--backends must name one of torch, keras, jax"),
        (claims.Options(backends=("troch",)), "did you mean 'torch'"),
        (
            claims.Options(backends=("torch",), write=True),
            "--write must have all of torch, keras, jax",
        ),
        (claims.Options(json="not/there.json"), "whose folder is not there"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_measured(
    options: claims.Options, expected: str
) -> None:
    with pytest.raises(UserError, match=re.escape(expected)):
        claims.run(options)
