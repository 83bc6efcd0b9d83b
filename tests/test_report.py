from __future__ import annotations

import io

import pytest
from rich.console import Console

from common.findings import Agreement, Configuration, Document, RunFinding, Spread, Timing, all_agree
from common.verdict import Thresholds, Verdict
from experiments.experiment import plans, read
from experiments.report.answer import sentences
from experiments.report.terminal import drawn, show

PLANS = plans(read("countermeasures"), {"depth": 4, "width": 8})


def a_run(verdict: Verdict, ratio: float, *, accuracy: float = 0.5, agrees: bool = True) -> RunFinding:
    one = Spread.of([1.0, 1.0])
    return RunFinding(
        status="finished",
        verdict=verdict,
        gradient_ratio=Spread.of([ratio]),
        decay_per_layer=one,
        loss_first=one,
        loss_last=one,
        accuracy=Spread.of([accuracy]),
        largest_update=one,
        profile=[ratio, 0.0, None, 1.0],
        agreement=Agreement(
            first_step_error=1e-14 if agrees else 1e-3, tolerance=1e-12, divergence=1e-15, sensitivity=1e-14, agrees=agrees
        ),
        seconds=Timing.model_validate({"import": 1.0, "first_step": 2.0, "steps": 0.003}),
    )


def a_document(runs: dict[str, dict[str, RunFinding]]) -> Document:
    rows = [Configuration(name=name, spec=PLANS[name], parameters=1, runs=by) for name, by in runs.items()]
    every = ("numpy", "torch")
    return Document(
        experiment="e",
        question="Why [not]?",
        command="c",
        versions={},
        device=dict.fromkeys(every, "cpu:0"),
        threads=dict.fromkeys(every, 1),
        exclusive=dict.fromkeys(every, False),
        thresholds=Thresholds(),
        configurations=rows,
        agrees=all_agree(rows),
    )


def both(run: RunFinding, torch: RunFinding | None = None) -> dict[str, RunFinding]:
    return {"numpy": run, "torch": torch or run}


STORY = {
    "sigmoid + xavier": both(a_run("vanishing", 1e-19)),
    "tanh + xavier": both(a_run("healthy", 0.1, accuracy=0.9)),
    "sigmoid + he": both(a_run("vanishing", 1e-15)),
}


def printed(document: Document, width: int = 80) -> str:
    stream = io.StringIO()
    show(document, Console(file=stream, width=width), "results")
    return stream.getvalue()


def test_the_answer_names_the_single_change_that_brings_the_gradient_back() -> None:
    text = " ".join(sentences(a_document(STORY)))
    assert "Of 3 configurations, 1 healthy, 2 vanishing." in text
    assert "layer 1 gets 1.0e-19 times the gradient of layer 4" in text
    assert "A single change brings the gradient back in 1 of 2 cases: tanh + xavier (+18.0 decades)." in text
    assert "These single changes do not: sigmoid + he (+4.0 decades)." in text
    assert "tanh + xavier, 0.90" in text
    assert "torch: every run agrees with the definition." in text


def test_a_broken_agreement_is_in_the_answer_and_is_listed() -> None:
    broken = STORY | {"sigmoid + he": both(a_run("vanishing", 1e-15), a_run("vanishing", 1e-15, agrees=False))}
    text = printed(a_document(broken), 200)
    assert "Agreement is broken in 1 of 3 runs" in text
    assert "Disagrees: torch, sigmoid + he: first-step error 1.0e-03 of tolerance 1.0e-12" in text
    assert "2 of 3" in text


def test_backends_with_different_verdicts_get_a_row_each() -> None:
    text = printed(a_document(STORY | {"tanh + xavier": both(a_run("healthy", 0.1), a_run("dead", 0.0))}), 120)
    assert "tanh + xavier [numpy]" in text
    assert "tanh + xavier [torch]" in text


def test_a_crash_is_a_row_with_its_reason() -> None:
    crash = RunFinding(status="crashed", reason="the worker was killed by SIGKILL (out of memory?)")
    text = printed(a_document(STORY | {"tanh + xavier": {"numpy": crash, "torch": crash}}))
    assert "torch, tanh + xavier: crashed: the worker was killed by SIGKILL (out of memory?)" in text


def test_the_thresholds_and_the_place_of_the_runs_are_said() -> None:
    text = printed(a_document(STORY))
    assert "below 0.001, exploding one above 1000" in text
    assert "results/*.parquet" in text


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_the_terminal(width: int) -> None:
    tables = printed(a_document(STORY), width).split("\n\n")[1:-1]
    assert tables
    assert all(len(line.rstrip()) <= width for table in tables for line in table.splitlines())


def test_a_profile_is_drawn_on_one_logarithmic_scale() -> None:
    assert drawn([1e-8, 1e-4, 1.0], -8, 0, 10) == "▁▅█"


def test_a_profile_says_zero_and_not_finite() -> None:
    assert drawn([0.0, None, 1.0], -8, 0, 10) == "0?█"


def test_a_deep_profile_is_thinned_to_its_room() -> None:
    assert len(drawn([1.0] * 100, -1, 0, 30)) <= 30
