"""The answer and the terminal: every configuration in one line of one group, nothing ranked that means nothing, last."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from experiments.experiment import plans, read
from experiments.findings.configuration import all_agree
from experiments.findings.document import Agreement, Check, Configuration, Document, FreeRun, Judged, RunFinding, Spread, Timing
from experiments.findings.gradient import Thresholds
from experiments.findings.outcome import Status
from experiments.report.answer import answer, sentences
from experiments.report.answer.groups import group_of
from experiments.report.cells import told
from experiments.report.terminal import drawn, show, show_where_more_is

PLANS = plans(read("countermeasures"), {"depth": 4, "width": 8})
SINGLE = plans(read("countermeasures"), {"depth": 4, "width": 8, "precision": "float32"})


def a_check(outcome: Any = "agrees", error: float | None = 1e-14, reason: str | None = None) -> Check:
    return Check(outcome=outcome, reason=reason, error=error, bound=1e-12, where="gradient of weight, layer 2, seed 0")


def a_free_run(outcome: Any = "comparable", step: int | None = None) -> FreeRun:
    reasons = {"comparable": None, "chaotic": f"chaotic from step {step}: two runs of one framework would part too"}
    reason = reasons.get(outcome, "because")
    return FreeRun(outcome=outcome, reason=reason, step=step, divergence=1e-15, bound=1e-13)


def an_agreement(steps: Check | None = None, free: FreeRun | None = None, first: Check | None = None) -> Agreement:
    steps, free = steps or a_check(), free or a_free_run()
    return Agreement(
        outcome=steps.outcome, reason=steps.reason, first_step=first or steps, single_steps=steps, judged_steps=[0, 3],
        free_run=free,
    )  # fmt: skip


def a_verdict(word: str | Judged, count: int) -> Judged:
    return Judged(verdict=word, reason="", seeds=[word] * count) if isinstance(word, str) else word


def a_run(
    gradient: str | Judged = "comes through",
    learning: str | Judged = "learns",
    ratio: float = 1.0,
    *,
    accuracy: tuple[float, ...] = (0.5, 0.5),
    agreement: Agreement | None = None,
    status: Status = "finished",
    **more: Any,
) -> RunFinding:
    count = len(accuracy)
    one = Spread.of([1.0] * count)
    fields = {
        "status": status,
        "gradient": a_verdict(gradient, count),
        "learning": a_verdict(learning, count),
        "gradient_ratio": Spread.of([ratio] * count),
        "decay_per_layer": Spread.of([-0.5] * count),
        "loss_first": Spread.of([2.5] * count),
        "loss_last": one,
        "accuracy": Spread.of(accuracy),
        "guessing": 0.1,
        "largest_update": one,
        "profile": [ratio, 0.5, 0.7, 1.0],
        "agreement": agreement or an_agreement(),
        "seconds": Timing.model_validate({"import": 1.0, "first_step": 2.0, "steps": 0.003}),
    }
    return RunFinding(**(fields | more))


def a_document(runs: dict[str, dict[str, RunFinding]], plans: Any = PLANS, **more: Any) -> Document:
    rows = [Configuration(name=name, spec=plans[name], parameters=1, runs=by) for name, by in runs.items()]
    every = ("numpy", "torch", "keras")
    fields: dict[str, Any] = {
        "experiment": "e", "question": "Why [not]?", "command": "c", "versions": {}, "device": dict.fromkeys(every, "cpu:0"),
        "threads": dict.fromkeys(every, 1), "exclusive": dict.fromkeys(every, False), "thresholds": Thresholds(),
        "configurations": rows, "agrees": all_agree(rows),
    }  # fmt: skip
    return Document(**(fields | more))


def both(run: RunFinding, torch: RunFinding | None = None) -> dict[str, RunFinding]:
    return {"numpy": run, "torch": torch or run}


CRASH = RunFinding(status="crashed", reason="the worker was killed by SIGKILL (out of memory?)")
BASE = "sigmoid + xavier"
STORY = {
    BASE: both(a_run("vanishing", "has not learnt", 1e-18, accuracy=(0.1, 0.1))),
    "tanh + xavier": both(a_run(ratio=0.1, accuracy=(0.9, 0.8))),
    "relu + xavier": both(a_run("comes through", "has not learnt", 0.1, accuracy=(0.1, 0.1))),
    "sigmoid + batch norm + xavier": both(a_run("comes through", "cannot be told", 1.0)),
    "sigmoid + he": both(a_run("vanishing", "learns", 1e-15)),
    "sigmoid + gaussian (std 1)": both(a_run("exploding", "has not learnt", 1e5)),
    "relu + he": both(a_run("dead", "has not learnt", 0.0)),
    "elu + he": both(a_run("comes through", "diverged")),
    "prelu + he": both(a_run("non-finite", "diverged", status="non-finite", reason="not finite from step 1 on")),
    "leaky_relu + he": both(CRASH),
}
GROUPED = {
    "learns": ["tanh + xavier"],
    "has not learnt": ["relu + xavier"],
    "cannot be told": ["sigmoid + batch norm + xavier"],
    "vanishing": [BASE, "sigmoid + he"],
    "exploding": ["sigmoid + gaussian (std 1)"],
    "failed": ["relu + he", "elu + he", "prelu + he", "leaky_relu + he"],
}


def printed(document: Document, width: int = 80, *, full: bool = True) -> str:
    """The report, as compare prints it."""
    stream = io.StringIO()
    show(document, Console(file=stream, width=width), "results", full=full)
    return stream.getvalue()


def the_answer(document: Document, width: int = 80) -> str:
    """All that is printed if nothing is asked for."""
    return printed(document, width, full=False).split("\nAnswer\n")[1]


def flat(text: str) -> str:
    return " ".join(text.split())


def test_every_configuration_is_in_exactly_one_line_of_one_group() -> None:
    found = answer(a_document(STORY))
    assert {group.key: [line.name for line in group.lines] for group in found.groups} == GROUPED
    text = the_answer(a_document(STORY))
    for name in STORY:
        lines = [line for line in text.splitlines() if line == name or line.startswith(f"{name}  ")]
        assert len(lines) == 1, name


@pytest.mark.parametrize("status", ["missing", "unsupported", "crashed"])
def test_a_configuration_without_a_run_has_failed_for_its_reason(status: Any) -> None:
    gone = RunFinding(status=status, reason="because of it")
    document = a_document({BASE: both(gone)})
    assert group_of(document.configurations[0]) == "failed"
    assert f"{status}: because of it" in the_answer(document)


def test_the_tables_come_before_the_answer() -> None:
    text = printed(a_document(STORY))
    assert text.index("Verdicts\n") < text.index("Seconds, ") < text.index("Notes\n") < text.index("Answer\n")
    assert "torch: first step" in "".join(text.splitlines()[-3:])


def test_without_full_only_the_question_and_the_answer_are_printed() -> None:
    document = a_document(STORY)
    assert printed(document, full=False) == f"{document.question}\n\nAnswer\n{the_answer(document)}"
    assert printed(document).endswith(f"\n\nAnswer\n{the_answer(document)}"), "the tables change the answer"
    assert "Verdicts" not in printed(document, full=False)


def last_words(page: str | None, *, full: bool = False, width: int = 80) -> list[str]:
    stream = io.StringIO()
    show_where_more_is(Path(page) if page else None, Console(file=stream, width=width), full=full)
    return stream.getvalue().splitlines()


def test_the_last_words_are_where_more_is() -> None:
    more = [
        "",
        "Page: results/depth.html; tables: --full; how to read it: docs/how-to-read.md;",
        "all documents: docs/README.md",
    ]
    assert last_words("results/depth.html") == more
    assert "--full" not in flat("\n".join(last_words("results/depth.html", full=True)))
    assert last_words(None)[1].startswith("Tables: --full; how to")
    assert "a folder/of mine/x.html" in "\n".join(last_words("a folder/of mine/x.html", width=30))


def reasoned(verdict: str, reason: str) -> Judged:
    return Judged(verdict=verdict, reason=reason, seeds=[verdict] * 2)


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (a_run("exploding", reasoned("diverged", "the loss has risen from 2 to 9"), 1e5), "the loss has risen from 2 to 9"),
        (a_run(reasoned("dead", "layer 1 gets exactly 0"), "has not learnt", 0.0), "dead: layer 1 gets exactly 0"),
        (a_run(learning=reasoned("has not learnt", "0.14 is hardly more"), accuracy=(0.14,) * 2), "0.14 is hardly more"),
        (a_run(learning=reasoned("cannot be told", "3 steps are too few")), "cannot be told in 1 of 2: 3 steps are too few"),
        (a_run("vanishing", reasoned("cannot be told", "3 steps are too few"), 1e-9), "in 1 of 2: 3 steps are too few (tanh"),
        (a_run(reasoned("vanishing", "each layer keeps 69 % of it; at 30 it would be 2e-05"), ratio=0.15), "be 2e-05"),
    ],
    ids=["diverged", "dead", "hardly better", "cannot be told", "and vanishing", "only deeper"],
)
def test_a_reason_that_the_numbers_do_not_show_is_in_the_answer(run: RunFinding, reason: str) -> None:
    assert reason in flat(the_answer(a_document({BASE: both(a_run()), "tanh + xavier": both(run)})))


def test_a_reason_that_all_share_is_told_once() -> None:
    run = a_run(learning=reasoned("cannot be told", "3 steps are too few"))
    text = flat(the_answer(a_document({name: both(run) for name in STORY})))
    assert "Whether it learns cannot be told in 10 of 10: 3 steps are too few." in text
    alone = flat(the_answer(a_document({BASE: both(run)})))
    assert alone.count("3 steps are too few") == 1


def test_a_gradient_that_explodes_is_named_where_training_diverges() -> None:
    run = a_run("exploding", reasoned("diverged", "the loss has risen"), 1e5)
    (group,) = answer(a_document({BASE: both(run)})).groups
    assert group.lines[0].notes == ["exploding", "diverged: the loss has risen"]


def test_a_framework_that_alone_turned_non_finite_has_its_reason_in_the_answer() -> None:
    bad = a_run("non-finite", "diverged", status="non-finite", reason="not finite from step 7 on, seed 0")
    text = flat(the_answer(a_document({BASE: both(a_run(), bad)})))
    assert "torch: non-finite, diverged: not finite from step 7 on, seed 0" in text


def test_bounds_of_ones_own_are_among_the_facts() -> None:
    own = a_document(STORY, thresholds=Thresholds(vanishing=0.01))
    assert "Thresholds of the verdicts (docs/verdicts.md): vanishing 0.01, exploding 1000." in flat(the_answer(own))
    assert "Thresholds" not in the_answer(a_document(STORY))


def test_the_answer_begins_with_the_facts() -> None:
    assert flat(the_answer(a_document(STORY))).startswith(
        "4 hidden layers of 8 units; digits (10 classes, guessing gets 0.10); SGD, rate 0.03, batch 64; float64; 3 seeds; "
        "50 steps."
    )


def test_facts_that_differ_are_all_said() -> None:
    depths = {name: PLANS[BASE].model_copy(update={"steps": n}) for name, n in (("a", 5), ("b", 10))}
    text = flat(the_answer(a_document({"a": both(a_run()), "b": both(a_run())}, depths)))
    assert "5, 10 steps." in text


def test_the_first_configuration_is_told_in_a_sentence_to_take_home() -> None:
    text = flat(the_answer(a_document(STORY)))
    assert (
        "sigmoid + xavier: the gradient vanishes. Going back, each layer keeps 0.0001 % of the gradient: a sigmoid's " in text
    )
    quarter = a_document({BASE: both(a_run("vanishing", "has not learnt", 0.24**3))})
    assert "each layer keeps 24 % of the gradient: a sigmoid's derivative is at most 1/4, and the weights" in flat(
        the_answer(quarter)
    )


def test_a_gradient_that_passes_unchanged_needs_no_excuse() -> None:
    text = flat(the_answer(a_document({"tanh + xavier": both(a_run(ratio=0.99))})))
    assert "each layer keeps 100 % of the gradient." in text


def test_a_reason_is_told_and_its_rate_is_not_told_twice() -> None:
    gradient = Judged(
        verdict="vanishing",
        reason="each layer keeps 24 % of it; over 30 layers the first gets 6e-19",
        seeds=["vanishing"] * 2,
    )
    learning = Judged(verdict="has not learnt", reason="0.10 is what guessing gets", seeds=["has not learnt"] * 2)
    text = flat(the_answer(a_document({BASE: both(a_run(ratio=0.24**3, gradient=gradient, learning=learning))})))
    assert text.count("each layer keeps") == 1
    assert "Over 30 layers the first gets 6e-19. It has not learnt: 0.10 is what guessing gets." in text


def test_a_ratio_that_does_not_look_like_its_verdict_has_the_reason_beside_it() -> None:
    gradient = Judged(
        verdict="vanishing", reason="each layer keeps 69 % of it; it would be 2e-05 at 30", seeds=["vanishing"] * 2
    )
    document = a_document(STORY | {"sigmoid + he": both(a_run(ratio=0.15, gradient=gradient))})
    lines = {line.name: line.notes for group in answer(document).groups for line in group.lines}
    assert lines["sigmoid + he"] == ["it would be 2e-05 at 30", "and yet it learns"]
    assert lines[BASE] == []


def test_a_run_that_turns_non_finite_says_so_once() -> None:
    reason = "not finite from step 1 on, first at layer 4"
    verdict = Judged(verdict="non-finite", reason=reason, seeds=["non-finite"] * 2)
    bad = a_run(verdict, "diverged", 1e12, status="non-finite", reason=f"{reason}, seed 0")
    text = flat(the_answer(a_document({BASE: both(bad)})))
    base, group = text.split("Failed: 1 of 1")
    assert base.lower().count("not finite from step 1 on") == 1
    assert group.count("not finite from step 1 on") == 1
    assert "each layer" not in base


def test_seeds_that_a_reason_counts_are_not_counted_twice() -> None:
    seeds = ["dead", "dead", "vanishing"]
    verdict = Judged(verdict="dead", reason="2 of 3 seeds are dead, 1 is vanishing: all units are dead", seeds=seeds)
    lines = answer(a_document({BASE: both(a_run(verdict, "has not learnt"))})).groups[0].lines
    assert lines[0].notes == ["dead: 2 of 3 seeds are dead, 1 is vanishing: all units are dead"]


def test_each_line_has_ratio_loss_and_accuracy_beside_guessing() -> None:
    (line,) = [line for line in the_answer(a_document(STORY)).splitlines() if line.startswith("tanh + xavier  ")]
    assert line.split() == ["tanh", "+", "xavier", "1.0e-01", "2.50", "→", "1.00", "0.85", "(0.10)"]


def test_a_single_change_is_told_by_what_it_brought() -> None:
    text = flat(the_answer(a_document(STORY)))
    assert "A single change that brings the gradient back, and the network learns: tanh + xavier (+17.0 decades)." in text
    assert "and the network has not learnt: relu + xavier (+17.0 decades)." in text
    lost = "sigmoid + he (+3.0 decades), sigmoid + gaussian (std 1) (+23.0 decades)"
    assert f"A single change that does not bring the gradient back: {lost}." in text


def test_nothing_is_gained_over_a_seed_that_got_nothing() -> None:
    dead = a_run("dead", "has not learnt", gradient_ratio=Spread.of([0.0, 1e-2]))
    text = flat(the_answer(a_document({BASE: both(dead), "tanh + xavier": both(a_run()), "relu + xavier": both(dead)})))
    assert "and the network learns: tanh + xavier (comes through)." in text
    assert "does not bring the gradient back: relu + xavier (dead)." in text
    assert " decades)" not in text


@pytest.mark.parametrize("learning", ["has not learnt", "cannot be told", "diverged"])
def test_what_does_not_learn_is_never_ranked(learning: str) -> None:
    best = {"tanh + xavier": both(a_run("comes through", learning, accuracy=(0.99, 0.99)))}
    text = flat(
        the_answer(a_document(STORY | best | {"elu + he": both(a_run()), "prelu + he": both(a_run(accuracy=(0.6,) * 2))}))
    )
    assert "Most accurate of the 2 that learn: prelu + he, 0.60." in text


def test_a_run_that_is_not_finite_has_no_accuracy() -> None:
    bad = a_run("non-finite", "learns", status="non-finite", reason="not finite from step 1 on", accuracy=(0.99, 0.99))
    text = the_answer(a_document(STORY | {"elu + he": both(bad), "prelu + he": both(a_run(accuracy=(0.3, 0.3)))}))
    assert "0.99" not in text
    assert "Most accurate of the 2 that learn: tanh + xavier, 0.85." in text


def test_nothing_is_ranked_where_nothing_learns() -> None:
    assert "Most accurate" not in the_answer(a_document({BASE: STORY[BASE], "relu + xavier": STORY["relu + xavier"]}))


def test_seeds_that_differ_are_counted() -> None:
    mixed = Judged(verdict="comes through", reason="", seeds=["comes through", "dead", "comes through"])
    document = a_document(STORY | {"elu + he": both(a_run(gradient=mixed))})
    lines = {line.name: line.notes for group in answer(document).groups for line in group.lines}
    assert lines["elu + he"] == ["comes through in 2 of 3 seeds, dead in 1"]


def test_seeds_decades_apart_are_told_by_their_geometric_mean() -> None:
    spread = Spread.of([1e-2, 1e-8])
    text = the_answer(a_document({BASE: both(a_run("vanishing", "has not learnt", gradient_ratio=spread))}))
    assert "1.0e-05" in text
    assert "5.0e-03" not in text


def test_how_often_clipping_bound_is_said() -> None:
    name = "sigmoid + xavier + norm clipping"
    document = a_document(STORY | {name: both(a_run(clipping_bound=0.25)), BASE: both(a_run(clipping_bound=0.0))})
    lines = {line.name: line.notes for group in answer(document).groups for line in group.lines}
    assert lines[name] == ["clipping bound a weight gradient in 25 % of the steps"]
    assert lines[BASE] == []


def test_one_seed_has_no_deviation() -> None:
    text = printed(a_document({BASE: both(a_run(accuracy=(0.5,)))}))
    assert "±" not in text.split("Notes")[0] + text.split("Answer")[1]
    assert "0.50 ± 0.00" in printed(a_document({BASE: both(a_run())}))


def test_missing_decades_have_their_reason() -> None:
    zero = a_run(
        "dead", "has not learnt", 0.0, profile=[0.0, 0.0, 1e-3, 1.0], decay_per_layer=Spread.of([float("nan"), float("nan")])
    )
    text = flat(printed(a_document(STORY | {"relu + he": both(zero)})))
    assert text.count("at the first step exactly 0 below layer 3: no decades per layer") == 2  # table, answer


# --- agreement


def test_agreement_is_counted_for_each_framework() -> None:
    chaotic = a_run(ratio=0.1, agreement=an_agreement(free=a_free_run("chaotic", 10)))
    text = flat(the_answer(a_document(STORY | {"tanh + xavier": both(chaotic)})))
    assert (
        "torch: first step: 9 of 9 agree; single steps from the same state: 9 of 9; free runs: comparable to the end in 8, "
        "chaotic in 1 (two runs of one framework would part too)."
    ) in text


def test_what_cannot_be_judged_is_counted_with_its_reason_and_does_not_agree() -> None:
    blind = an_agreement(a_check("cannot be judged", reason="a bound of 76 bounds nothing"), first=a_check())
    runs = STORY | {name: both(a_run(agreement=blind)) for name in ("tanh + xavier", "elu + he")}
    text = flat(the_answer(a_document(runs)))
    assert "first step: 9 of 9 agree; single steps from the same state: 7 of 9" in text
    assert (
        "torch: a step from the same state cannot be judged in 2 of 9: a bound of 76 bounds nothing (tanh + xavier, elu + he)"
        in text
    )


@pytest.mark.parametrize(
    ("agreement", "expected"),
    [
        (an_agreement(a_check("broken", 1e-3)), "gradient of weight, layer 2, seed 0: error 1.0e-03, bound 1.0e-12"),
        (an_agreement(a_check("broken", None)), "gradient of weight, layer 2, seed 0: error infinite, bound 1.0e-12"),
        (an_agreement(a_check("broken", 1e-3, "loss, step 3: error 1, bound 2")), "loss, step 3: error 1, bound 2"),
        (an_agreement(free=a_free_run("broken", 7)), "the free run at step 7: divergence 1.0e-15, bound 1.0e-13"),
    ],
    ids=["step", "infinite", "own words", "free run"],
)
def test_what_is_broken_is_named_with_its_place_error_and_bound(agreement: Agreement, expected: str) -> None:
    document = a_document(STORY | {"sigmoid + he": both(a_run("vanishing"), a_run("vanishing", agreement=agreement))})
    assert f"Broken: torch, sigmoid + he: {expected}" in flat(the_answer(document))


def test_the_worst_of_all_is_the_largest_error_over_its_bound() -> None:
    near, far = a_check(error=9e-13), a_check(error=1e-14)
    large = Check(outcome="agrees", reason=None, error=1.0, bound=1e3, where="logits")
    runs = STORY | {
        "tanh + xavier": both(a_run(agreement=an_agreement(near))),
        "relu + xavier": both(a_run(agreement=an_agreement(far))),
    }
    runs |= {"elu + he": both(a_run(agreement=an_agreement(large)))}
    table = printed(a_document(runs)).split("the largest error over its bound\n")[1].split("\n\n")[0]
    assert [line.split()[-3:] for line in table.splitlines() if "single steps" in line] == [["9.0e-13", "1.0e-12", "0.9"]]
    assert "tanh + xavier: gradient of weight, layer 2, seed 0" in table


def test_without_a_framework_no_agreement_is_claimed() -> None:
    assert "No framework was compared" in the_answer(a_document({BASE: {"numpy": a_run()}}))


def test_a_table_cell_has_the_counts_of_all_frameworks() -> None:
    from experiments.report.agreed import summary

    blind = an_agreement(a_check("cannot be judged", reason="r"), a_free_run("chaotic", 7), first=a_check())
    assert summary([]) == ["-", "-", "-"]
    assert summary([an_agreement()] * 3) == ["3 of 3", "3 of 3", "comparable"]
    assert summary([an_agreement(), blind]) == ["2 of 2", "1 of 2, 1 cannot be judged", "1 comparable, 1 chaotic from step 7"]
    assert summary([an_agreement(a_check("broken"))]) == ["0 of 1, 1 broken", "0 of 1, 1 broken", "comparable"]


# --- float32


def lost(**more: Any) -> dict[str, RunFinding]:
    """Underflow: exactly 0 in the framework, and a number in the definition, which is float64."""
    numpy = a_run("vanishing", "has not learnt", 1e-60, profile=[4e-67, 1e-50, 1e-3, 1.0])
    nothing = Spread.of([float("nan")] * 2)
    torch = a_run("dead", "has not learnt", 0.0, profile=[0.0, 0.0, 1e-3, 1.0], decay_per_layer=nothing, **more)
    return both(numpy, torch)


def test_a_float32_question_is_answered_from_float32() -> None:
    document = a_document({BASE: lost()}, SINGLE)
    text = flat(the_answer(document))
    assert "In float32 exactly 0 below layer 3 (underflow; layer 1 has 4e-67 in float64)." in text
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
        "non-finite", "diverged", float("inf"), profile=[None, 1e30, 1e3, 1.0], status="non-finite", reason="not finite"
    )
    text = flat(the_answer(a_document({BASE: both(numpy, torch)}, SINGLE)))
    assert "in float32 not finite at 1 of 4 layers (overflow; up to 4e+45 in float64)" in text


def test_float32_without_a_framework_is_said_to_be_float64s() -> None:
    text = flat(the_answer(a_document({BASE: {"numpy": a_run()}}, SINGLE)))
    assert "only the definition has run, which is float64: its numbers are float64's." in text
    assert "its numbers are float64's" not in flat(the_answer(a_document({BASE: both(a_run())}, SINGLE)))


def test_the_definition_has_no_row_of_its_own_in_float32() -> None:
    (configuration,) = a_document({BASE: lost() | {"keras": a_run("vanishing")}}, SINGLE).configurations
    assert [name for name, _ in told(configuration)] == [f"{BASE} [torch]", f"{BASE} [keras]"]


# --- what to try

COMMAND = "python -m experiments.compare single.toml --depth 20"


@pytest.mark.parametrize("gradient", ["vanishing", "comes through"])
def test_a_single_network_that_does_not_learn_gets_the_command_to_try(gradient: str) -> None:
    document = a_document({BASE: both(a_run(gradient, "has not learnt"))}, command=COMMAND)
    assert f"{COMMAND} --try runs it beside each single change" in flat(the_answer(document))


def test_a_network_that_learns_needs_no_advice_and_several_have_their_changes() -> None:
    assert "--try" not in the_answer(a_document({BASE: both(a_run())}, command=COMMAND))
    assert "--try" not in the_answer(a_document(STORY, command=COMMAND))


# --- the terminal


def test_backends_with_different_verdicts_get_a_row_each() -> None:
    text = printed(a_document(STORY | {"tanh + xavier": both(a_run(ratio=0.1), a_run("dead", ratio=0.0))}), 120)
    assert "tanh + xavier [numpy]" in text
    assert "tanh + xavier [torch]" in text
    assert "torch: dead, learns" in the_answer(a_document(STORY | {"tanh + xavier": both(a_run(), a_run("dead"))}))


def test_a_crash_is_a_line_with_its_reason() -> None:
    text = printed(a_document(STORY | {"tanh + xavier": {"numpy": a_run(), "torch": CRASH}}))
    assert text.count("torch, tanh + xavier: crashed:") == 2  # notes, answer


def test_the_thresholds_the_place_of_the_runs_and_the_words_are_said() -> None:
    text = printed(a_document(STORY))
    assert "vanishing 0.001, exploding 1000" in text
    assert "results/*.parquet" in text
    assert "docs/glossary.md" in text


LONG = {
    name: both(a_run())
    for name in (
        *STORY,
        "relu + batch norm + he + global_norm clipping (threshold 20)",
        "tanh + gaussian (std 0.35) + value clipping",
    )
}


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("runs", [STORY, LONG], ids=["story", "long names"])
def test_every_line_fits_the_terminal(width: int, runs: dict[str, dict[str, RunFinding]]) -> None:
    assert [line for line in printed(a_document(runs), width).splitlines() if len(line.rstrip()) > width] == []


@pytest.mark.parametrize("width", [80, 120])
def test_no_name_is_broken_across_lines(width: int) -> None:
    text = printed(a_document(LONG), width)
    for name in LONG:
        assert text.count(name) == flat(text).count(name) > 0, name


def test_a_name_longer_than_the_terminal_is_broken_between_its_parts() -> None:
    from experiments.report.layout import folded

    assert folded("relu + batch norm + he, learning rate 0.1", 20) == ["relu + batch norm", "+ he,", "learning rate 0.1"]
    assert all(len(line) <= 10 for line in folded("a_very_long_word_of_the_user and more", 10))


def test_a_profile_is_drawn_on_one_logarithmic_scale() -> None:
    assert drawn([1e-8, 1e-4, 1.0], -8, 0, 10) == "▁▅█"


def test_a_profile_says_zero_and_not_finite() -> None:
    assert drawn([0.0, None, 1.0], -8, 0, 10) == "0?█"


def test_a_deep_profile_is_thinned_to_its_room() -> None:
    assert len(drawn([1.0] * 100, -1, 0, 30)) <= 30


def test_the_plain_sentences_have_every_configuration() -> None:
    text = "\n".join(sentences(a_document(STORY)))
    assert all(f"\n{name}: " in text for name in STORY)


REAL = {
    name: plan.model_copy(update={"network": plan.network.model_copy(update={"classes": None, "targets": 1})})
    for name, plan in PLANS.items()
}


def of_real_targets(r_squared: float, learning: str = "learns") -> RunFinding:
    both_seeds = Spread.of([r_squared] * 2)
    return a_run(learning=learning, accuracy=(0.0, 0.0)).model_copy(
        update={"accuracy": None, "guessing": None, "r_squared": both_seeds, "test_loss": both_seeds}
    )


def test_of_real_targets_nothing_is_said_of_classes_accuracies_or_guessing() -> None:
    runs = {BASE: both(of_real_targets(-0.001, "has not learnt")), "tanh + xavier": both(of_real_targets(0.43))}
    document = a_document(runs | {"relu + xavier": both(of_real_targets(0.2))}, plans=REAL)
    text = " ".join(printed(document).split())
    assert "(1 real target)" in text
    assert "R² 0.43 ± 0.00" in text
    assert "Nearest to the targets of the 2 that learn: tanh + xavier, R² 0.43." in text
    assert "R² on the test set is 0.00 ± 0.00." in text, "and no minus zero"
    assert not [word for word in ("class", "accura", "guess") if word in text.lower()]
