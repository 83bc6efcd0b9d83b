"""The answer says how far the frameworks agree, and in float32 it is the framework that answers."""

from __future__ import annotations

from typing import Any

import pytest

from experiments.findings.document import Agreement, Check, RunFinding, Spread
from experiments.report.answer.groups import group_of
from experiments.report.cells import told
from tests.reported import (
    BASE,
    PLANS,
    SINGLE,
    STORY,
    a_check,
    a_document,
    a_free_run,
    a_run,
    an_agreement,
    both,
    flat,
    printed,
    the_answer,
)


def test_agreement_is_counted_for_each_framework() -> None:
    chaotic = a_run(ratio=0.1, agreement=an_agreement(free=a_free_run("chaotic", 10)))
    text = flat(the_answer(a_document(STORY | {"tanh + xavier": both(chaotic)})))
    assert (
        "torch: first step: 9 of 9 agree; single steps from the same state: 9 of 9; free runs: "
        "comparable to the end in 8, chaotic in 1 (two runs of one framework would part too)."
    ) in text


def test_what_cannot_be_judged_is_counted_with_its_reason_and_does_not_agree() -> None:
    blind = an_agreement(
        a_check("cannot be judged", reason="a bound of 76 bounds nothing"), first=a_check()
    )
    runs = STORY | {name: both(a_run(agreement=blind)) for name in ("tanh + xavier", "elu + he")}
    text = flat(the_answer(a_document(runs)))
    assert "first step: 9 of 9 agree; single steps from the same state: 7 of 9" in text
    assert (
        "torch: a step from the same state cannot be judged in 2 of 9: a bound of 76 bounds "
        "nothing (tanh + xavier, elu + he)"
    ) in text


@pytest.mark.parametrize(
    ("agreement", "expected"),
    [
        (
            an_agreement(a_check("broken", 1e-3)),
            "gradient of weight, layer 2, seed 0: error 1.0e-03, bound 1.0e-12",
        ),
        (
            an_agreement(a_check("broken", None)),
            "gradient of weight, layer 2, seed 0: error infinite, bound 1.0e-12",
        ),
        (
            an_agreement(a_check("broken", 1e-3, "loss, step 3: error 1, bound 2")),
            "loss, step 3: error 1, bound 2",
        ),
        (
            an_agreement(free=a_free_run("broken", 7)),
            "the free run at step 7: divergence 1.0e-15, bound 1.0e-13",
        ),
    ],
    ids=["step", "infinite", "own words", "free run"],
)
def test_what_is_broken_is_named_with_its_place_error_and_bound(
    agreement: Agreement, expected: str
) -> None:
    document = a_document(
        STORY | {"sigmoid + he": both(a_run("vanishing"), a_run("vanishing", agreement=agreement))}
    )
    assert f"Broken: torch, sigmoid + he: {expected}" in flat(the_answer(document))


def test_the_worst_of_all_is_the_largest_error_over_its_bound() -> None:
    near = a_check(error=9e-13)
    far = a_check(error=1e-14)
    large = Check(outcome="agrees", reason=None, error=1.0, bound=1e3, where="logits")
    runs = STORY | {
        "tanh + xavier": both(a_run(agreement=an_agreement(near))),
        "relu + xavier": both(a_run(agreement=an_agreement(far))),
    }
    runs |= {"elu + he": both(a_run(agreement=an_agreement(large)))}
    table = (
        printed(a_document(runs)).split("the largest error over its bound\n")[1].split("\n\n")[0]
    )
    assert [line.split()[-3:] for line in table.splitlines() if "single steps" in line] == [
        ["9.0e-13", "1.0e-12", "0.9"]
    ]
    assert "tanh + xavier: gradient of weight, layer 2, seed 0" in table


def test_without_a_framework_no_agreement_is_claimed() -> None:
    assert "No framework was compared" in the_answer(a_document({BASE: {"numpy": a_run()}}))


def test_a_table_cell_has_the_counts_of_all_frameworks() -> None:
    from experiments.report.agreed import summary

    blind = an_agreement(
        a_check("cannot be judged", reason="r"), a_free_run("chaotic", 7), first=a_check()
    )
    assert summary([]) == ["-", "-", "-"]
    assert summary([an_agreement()] * 3) == ["3 of 3", "3 of 3", "comparable"]
    assert summary([an_agreement(), blind]) == [
        "2 of 2",
        "1 of 2, 1 cannot be judged",
        "1 comparable, 1 chaotic from step 7",
    ]
    assert summary([an_agreement(a_check("broken"))]) == [
        "0 of 1, 1 broken",
        "0 of 1, 1 broken",
        "comparable",
    ]


def lost(**more: Any) -> dict[str, RunFinding]:
    """Underflow: exactly 0 in the framework, and a number in the definition, which is float64."""
    numpy = a_run("vanishing", "has not learnt", 1e-60, profile=[4e-67, 1e-50, 1e-3, 1.0])
    nothing = Spread.of([float("nan")] * 2)
    torch = a_run(
        "dead",
        "has not learnt",
        0.0,
        profile=[0.0, 0.0, 1e-3, 1.0],
        decay_per_layer=nothing,
        **more,
    )
    return both(numpy, torch)


def test_a_float32_question_is_answered_from_float32() -> None:
    document = a_document({BASE: lost()}, SINGLE)
    text = flat(the_answer(document))
    said = "At the first step exactly 0 in float32 below layer 3 (underflow; layer 1 has 4e-67 in"
    assert f"{said} float64)." in text
    assert "In float64, going back, each layer keeps 1e-18 % of the gradient" in text
    assert group_of(document.configurations[0]) == "vanishing"
    assert "1.0e-60" not in text


def test_in_float64_the_definition_answers() -> None:
    document = a_document({BASE: lost()}, PLANS)
    assert "1.0e-60" in the_answer(document)
    assert "underflow" not in the_answer(document)


def test_an_overflow_says_what_float64_has() -> None:
    numpy = a_run("exploding", "has not learnt", 1e45, profile=[4e45, 1e30, 1e3, 1.0])
    torch = a_run(
        "non-finite",
        "diverged",
        float("inf"),
        profile=[None, 1e30, 1e3, 1.0],
        status="non-finite",
        reason="not finite",
    )
    text = flat(the_answer(a_document({BASE: both(numpy, torch)}, SINGLE)))
    said = "at the first step not finite in float32 at 1 of 4 layers (overflow; up to 4e+45 in"
    assert f"{said} float64)" in text


def test_float32_without_a_framework_is_said_to_be_float64s() -> None:
    text = flat(the_answer(a_document({BASE: {"numpy": a_run()}}, SINGLE)))
    assert "only the definition has run, which is float64: its numbers are float64's." in text
    assert "its numbers are float64's" not in flat(
        the_answer(a_document({BASE: both(a_run())}, SINGLE))
    )


def test_the_definition_has_no_row_of_its_own_in_float32() -> None:
    (configuration,) = a_document(
        {BASE: lost() | {"keras": a_run("vanishing")}}, SINGLE
    ).configurations
    assert [name for name, _ in told(configuration)] == [f"{BASE} [torch]", f"{BASE} [keras]"]
