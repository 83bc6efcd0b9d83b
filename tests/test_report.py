"""The answer: every configuration in one line of one group, and nothing ranked that means
nothing.
"""

from __future__ import annotations

import pytest

from experiments.findings.document import RunFinding, Spread
from experiments.findings.thresholds import Thresholds
from experiments.report.answer import answer, sentences
from tests.reported import BASE, PLANS, STORY, a_document, a_run, both, flat, printed, the_answer

GROUPED = {
    "learns": ["tanh + xavier"],
    "has not learnt": ["relu + xavier"],
    "cannot be told": ["sigmoid + batch norm + xavier"],
    "vanishing": [BASE, "sigmoid + he"],
    "exploding": ["sigmoid + gaussian (std 1)"],
    "failed": ["relu + he", "elu + he", "prelu + he", "leaky_relu + he"],
}


def test_every_configuration_is_in_exactly_one_line_of_one_group() -> None:
    found = answer(a_document(STORY))
    assert {group.key: [line.name for line in group.lines] for group in found.groups} == GROUPED
    text = the_answer(a_document(STORY))
    for name in STORY:
        lines = [line for line in text.splitlines() if line == name or line.startswith(f"{name}  ")]
        assert len(lines) == 1, name


def test_bounds_of_ones_own_are_among_the_facts() -> None:
    own = a_document(STORY, thresholds=Thresholds(vanishing=0.01))
    assert "Thresholds of the verdicts (docs/verdicts.md): vanishing 0.01, exploding 1000." in flat(
        the_answer(own)
    )
    assert "Thresholds" not in the_answer(a_document(STORY))


def test_the_answer_begins_with_the_facts() -> None:
    assert flat(the_answer(a_document(STORY))).startswith(
        "4 hidden layers of 8 units; digits (10 classes, guessing gets 0.10); SGD, rate 0.03, "
        "batch 64; float64; 3 seeds; 50 steps."
    )


def test_facts_that_differ_are_all_said() -> None:
    depths = {
        name: PLANS[BASE].model_copy(update={"steps": n}) for name, n in (("a", 5), ("b", 10))
    }
    text = flat(the_answer(a_document({"a": both(a_run()), "b": both(a_run())}, depths)))
    assert "5, 10 steps." in text


def test_the_first_configuration_is_told_in_a_sentence_to_take_home() -> None:
    text = flat(the_answer(a_document(STORY)))
    assert (
        "sigmoid + xavier: the gradient vanishes. Going back, each layer keeps 0.0001 % of the "
        "gradient: a sigmoid's "
    ) in text
    quarter = a_document({BASE: both(a_run("vanishing", "has not learnt", 0.24**3))})
    assert (
        "each layer keeps 24 % of the gradient: a sigmoid's derivative is at most 1/4, and the "
        "weights"
    ) in flat(the_answer(quarter))


def test_a_gradient_that_passes_unchanged_needs_no_excuse() -> None:
    text = flat(the_answer(a_document({"tanh + xavier": both(a_run(ratio=0.99))})))
    assert "each layer keeps 100 % of the gradient." in text


def test_each_line_has_ratio_loss_and_accuracy_beside_guessing() -> None:
    (line,) = [
        line
        for line in the_answer(a_document(STORY)).splitlines()
        if line.startswith("tanh + xavier  ")
    ]
    assert line.split() == ["tanh", "+", "xavier", "1.0e-01", "2.50", "→", "1.00", "0.85", "(0.10)"]


def test_a_single_change_is_told_by_what_it_brought() -> None:
    text = flat(the_answer(a_document(STORY)))
    assert (
        "A single change that brings the gradient back, and the network learns: tanh + xavier "
        "(+17.0 decades)."
    ) in text
    assert "and the network has not learnt: relu + xavier (+17.0 decades)." in text
    lost = "sigmoid + he (+3.0 decades), sigmoid + gaussian (std 1) (+23.0 decades)"
    assert f"A single change that does not bring the gradient back: {lost}." in text


def test_nothing_is_gained_over_a_seed_that_got_nothing() -> None:
    dead = a_run("dead", "has not learnt", gradient_ratio=Spread.of([0.0, 1e-2]))
    text = flat(
        the_answer(
            a_document(
                {BASE: both(dead), "tanh + xavier": both(a_run()), "relu + xavier": both(dead)}
            )
        )
    )
    assert "and the network learns: tanh + xavier (comes through)." in text
    assert "does not bring the gradient back: relu + xavier (dead)." in text
    assert " decades)" not in text


@pytest.mark.parametrize("learning", ["has not learnt", "cannot be told", "diverged"])
def test_what_does_not_learn_is_never_ranked(learning: str) -> None:
    best = {"tanh + xavier": both(a_run("comes through", learning, accuracy=(0.99, 0.99)))}
    text = flat(
        the_answer(
            a_document(
                STORY
                | best
                | {"elu + he": both(a_run()), "prelu + he": both(a_run(accuracy=(0.6,) * 2))}
            )
        )
    )
    assert "Most accurate of the 2 that learn: prelu + he, 0.60." in text


def test_a_run_that_is_not_finite_has_no_accuracy() -> None:
    bad = a_run(
        "non-finite",
        "learns",
        status="non-finite",
        reason="not finite from step 1 on",
        accuracy=(0.99, 0.99),
    )
    text = the_answer(
        a_document(STORY | {"elu + he": both(bad), "prelu + he": both(a_run(accuracy=(0.3, 0.3)))})
    )
    assert "0.99" not in text
    assert "Most accurate of the 2 that learn: tanh + xavier, 0.85." in text


def test_nothing_is_ranked_where_nothing_learns() -> None:
    assert "Most accurate" not in the_answer(
        a_document({BASE: STORY[BASE], "relu + xavier": STORY["relu + xavier"]})
    )


def test_seeds_decades_apart_are_told_by_their_geometric_mean() -> None:
    spread = Spread.of([1e-2, 1e-8])
    text = the_answer(
        a_document({BASE: both(a_run("vanishing", "has not learnt", gradient_ratio=spread))})
    )
    assert "1.0e-05" in text
    assert "5.0e-03" not in text


COMMAND = "python -m experiments.compare single.toml --depth 20"


@pytest.mark.parametrize("gradient", ["vanishing", "comes through"])
def test_a_single_network_that_does_not_learn_gets_the_command_to_try(gradient: str) -> None:
    document = a_document({BASE: both(a_run(gradient, "has not learnt"))}, command=COMMAND)
    assert f"{COMMAND} --try runs it beside each single change" in flat(the_answer(document))


def test_a_network_that_learns_needs_no_advice_and_several_have_their_changes() -> None:
    assert "--try" not in the_answer(a_document({BASE: both(a_run())}, command=COMMAND))
    assert "--try" not in the_answer(a_document(STORY, command=COMMAND))


def test_the_plain_sentences_have_every_configuration() -> None:
    text = "\n".join(sentences(a_document(STORY)))
    assert all(f"\n{name}: " in text for name in STORY)


REAL = {
    name: plan.model_copy(
        update={"network": plan.network.model_copy(update={"classes": None, "targets": 1})}
    )
    for name, plan in PLANS.items()
}


def of_real_targets(r_squared: float, learning: str = "learns") -> RunFinding:
    both_seeds = Spread.of([r_squared] * 2)
    return a_run(learning=learning, accuracy=(0.0, 0.0)).model_copy(
        update={
            "accuracy": None,
            "guessing": None,
            "r_squared": both_seeds,
            "test_loss": both_seeds,
        }
    )


def test_of_real_targets_nothing_is_said_of_classes_accuracies_or_guessing() -> None:
    runs = {
        BASE: both(of_real_targets(-0.001, "has not learnt")),
        "tanh + xavier": both(of_real_targets(0.43)),
    }
    document = a_document(runs | {"relu + xavier": both(of_real_targets(0.2))}, plans=REAL)
    text = " ".join(printed(document).split())
    assert "(1 real target)" in text
    assert "R² 0.43 ± 0.00" in text
    assert "Nearest to the targets of the 2 that learn: tanh + xavier, R² 0.43." in text
    assert "R² on the test set is 0.00 ± 0.00." in text, "and no minus zero"
    assert not [word for word in ("class", "accura", "guess") if word in text.lower()]
