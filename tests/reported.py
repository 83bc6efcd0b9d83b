"""Findings that are made by hand, the story that they tell, and what the terminal prints of
them.
"""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from experiments.experiment import plans, read
from experiments.findings.configuration import all_agree
from experiments.findings.document import (
    Agreement,
    Check,
    Configuration,
    Document,
    FreeRun,
    Judged,
    RunFinding,
    Spread,
    Timing,
)
from experiments.findings.outcome import Status
from experiments.findings.thresholds import Thresholds
from experiments.report.terminal import show

PLANS = plans(read("countermeasures"), {"depth": 4, "width": 8})
SINGLE = plans(read("countermeasures"), {"depth": 4, "width": 8, "precision": "float32"})


def a_check(
    outcome: Any = "agrees", error: float | None = 1e-14, reason: str | None = None
) -> Check:
    return Check(
        outcome=outcome,
        reason=reason,
        error=error,
        bound=1e-12,
        where="gradient of weight, layer 2, seed 0",
    )


def a_free_run(outcome: Any = "comparable", step: int | None = None) -> FreeRun:
    reasons = {
        "comparable": None,
        "chaotic": f"chaotic from step {step}: two runs of one framework would part too",
    }
    reason = reasons.get(outcome, "because")
    return FreeRun(outcome=outcome, reason=reason, step=step, divergence=1e-15, bound=1e-13)


def an_agreement(
    steps: Check | None = None, free: FreeRun | None = None, first: Check | None = None
) -> Agreement:
    steps = steps or a_check()
    free = free or a_free_run()
    return Agreement(
        outcome=steps.outcome, reason=steps.reason, first_step=first or steps, single_steps=steps,
        judged_steps=[0, 3],
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
    rows = [
        Configuration(name=name, spec=plans[name], parameters=1, runs=by)
        for name, by in runs.items()
    ]
    every = ("numpy", "torch", "keras")
    fields: dict[str, Any] = {
        "experiment": "e", "question": "Why [not]?", "command": "c", "versions": {},
        "device": dict.fromkeys(every, "cpu:0"),
        "threads": dict.fromkeys(every, 1), "exclusive": dict.fromkeys(every, False),
        "thresholds": Thresholds(),
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
    "prelu + he": both(
        a_run("non-finite", "diverged", status="non-finite", reason="not finite from step 1 on")
    ),
    "leaky_relu + he": both(CRASH),
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


def reasoned(verdict: str, reason: str) -> Judged:
    return Judged(verdict=verdict, reason=reason, seeds=[verdict] * 2)
