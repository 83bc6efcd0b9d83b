"""The answer's reasons: what the numbers of a line do not show is said beside it, and said once."""

from __future__ import annotations

from typing import Any

import pytest

from experiments.findings.document import Judged, RunFinding, Spread
from experiments.report.answer import answer
from experiments.report.answer.groups import group_of
from tests.reported import BASE, STORY, a_document, a_run, both, flat, printed, reasoned, the_answer


@pytest.mark.parametrize("status", ["missing", "unsupported", "crashed"])
def test_a_configuration_without_a_run_has_failed_for_its_reason(status: Any) -> None:
    gone = RunFinding(status=status, reason="because of it")
    document = a_document({BASE: both(gone)})
    assert group_of(document.configurations[0]) == "failed"
    assert f"{status}: because of it" in the_answer(document)


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            a_run("exploding", reasoned("diverged", "the loss has risen from 2 to 9"), 1e5),
            "the loss has risen from 2 to 9",
        ),
        (
            a_run(reasoned("dead", "layer 1 gets exactly 0"), "has not learnt", 0.0),
            "dead: layer 1 gets exactly 0",
        ),
        (
            a_run(learning=reasoned("has not learnt", "0.14 is hardly more"), accuracy=(0.14,) * 2),
            "0.14 is hardly more",
        ),
        (
            a_run(learning=reasoned("cannot be told", "3 steps are too few")),
            "cannot be told in 1 of 2: 3 steps are too few",
        ),
        (
            a_run("vanishing", reasoned("cannot be told", "3 steps are too few"), 1e-9),
            "in 1 of 2: 3 steps are too few (tanh",
        ),
        (
            a_run(
                reasoned("vanishing", "each layer keeps 69 % of it; at 30 it would be 2e-05"),
                ratio=0.15,
            ),
            "be 2e-05",
        ),
    ],
    ids=["diverged", "dead", "hardly better", "cannot be told", "and vanishing", "only deeper"],
)
def test_a_reason_that_the_numbers_do_not_show_is_in_the_answer(
    run: RunFinding, reason: str
) -> None:
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
    bad = a_run(
        "non-finite", "diverged", status="non-finite", reason="not finite from step 7 on, seed 0"
    )
    text = flat(the_answer(a_document({BASE: both(a_run(), bad)})))
    assert "torch: non-finite, diverged: not finite from step 7 on, seed 0" in text


def test_a_reason_is_told_and_its_rate_is_not_told_twice() -> None:
    gradient = Judged(
        verdict="vanishing",
        reason="each layer keeps 24 % of it; over 30 layers the first gets 6e-19",
        seeds=["vanishing"] * 2,
    )
    learning = Judged(
        verdict="has not learnt", reason="0.10 is what guessing gets", seeds=["has not learnt"] * 2
    )
    text = flat(
        the_answer(
            a_document({BASE: both(a_run(ratio=0.24**3, gradient=gradient, learning=learning))})
        )
    )
    assert text.count("each layer keeps") == 1
    assert (
        "Over 30 layers the first gets 6e-19. It has not learnt: 0.10 is what guessing gets."
        in text
    )


def test_a_ratio_that_does_not_look_like_its_verdict_has_the_reason_beside_it() -> None:
    gradient = Judged(
        verdict="vanishing",
        reason="each layer keeps 69 % of it; it would be 2e-05 at 30",
        seeds=["vanishing"] * 2,
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
    verdict = Judged(
        verdict="dead",
        reason="2 of 3 seeds are dead, 1 is vanishing: all units are dead",
        seeds=seeds,
    )
    lines = answer(a_document({BASE: both(a_run(verdict, "has not learnt"))})).groups[0].lines
    assert lines[0].notes == ["dead: 2 of 3 seeds are dead, 1 is vanishing: all units are dead"]


def test_seeds_that_differ_are_counted() -> None:
    mixed = Judged(
        verdict="comes through", reason="", seeds=["comes through", "dead", "comes through"]
    )
    document = a_document(STORY | {"elu + he": both(a_run(gradient=mixed))})
    lines = {line.name: line.notes for group in answer(document).groups for line in group.lines}
    assert lines["elu + he"] == ["comes through in 2 of 3 seeds, dead in 1"]


def test_what_clipping_does_to_the_largest_step_is_said_where_the_gradient_explodes() -> None:
    name = "tanh + gaussian (std 0.35)"
    clipped = both(a_run("exploding", "learns", 1e5, largest_update=Spread.of([0.086, 0.086])))
    wild = both(a_run("exploding", "diverged", 1e5, largest_update=None))
    said = flat(the_answer(a_document(STORY | {name: wild, f"{name} + value clipping": clipped})))
    assert (
        f"The largest change of a layer's weights by one step, relative to their size: {name} not "
        "finite, with value clipping 8.6e-02."
    ) in said


def test_how_often_clipping_bound_is_said() -> None:
    name = "sigmoid + xavier + norm clipping"
    document = a_document(
        STORY | {name: both(a_run(clipping_bound=0.25)), BASE: both(a_run(clipping_bound=0.0))}
    )
    lines = {line.name: line.notes for group in answer(document).groups for line in group.lines}
    assert lines[name] == ["clipping bound a weight gradient in 25 % of the steps"]
    assert lines[BASE] == []


def test_missing_decades_have_their_reason() -> None:
    zero = a_run(
        "dead",
        "has not learnt",
        0.0,
        profile=[0.0, 0.0, 1e-3, 1.0],
        decay_per_layer=Spread.of([float("nan"), float("nan")]),
    )
    text = flat(printed(a_document(STORY | {"relu + he": both(zero)})))
    # table, answer
    assert text.count("at the first step exactly 0 below layer 3: no decades per layer") == 2
