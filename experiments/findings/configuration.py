"""The findings of one configuration, made from its runs' traces; and what all say together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from backends import DEFINITION
from common import agreement
from common.free_run import free_run
from common.plan import Plan
from common.quantities import decay_per_layer, gradient_ratio
from common.trace import Agreed, Header, Trace
from common.trace import Check as Step
from experiments.findings import gradient, learning, verdict
from experiments.findings.document import (
    Agreement,
    Check,
    Configuration,
    Document,
    Event,
    FreeRun,
    Judged,
    RunFinding,
    Spread,
    Timing,
)
from experiments.findings.guesses import guessing_of
from experiments.findings.outcome import Outcome
from experiments.findings.score import r_squared, score_of
from experiments.findings.thresholds import Thresholds


def configuration(
    name: str, plan: Plan, outcomes: dict[str, Outcome], thresholds: Thresholds
) -> Configuration:
    """The findings of one configuration.

    Args:
        name: Its name.
        plan: Its plan.
        outcomes: By backend.
        thresholds: Of the verdicts.
    """
    definition = outcomes.get(DEFINITION)
    runs: dict[str, RunFinding] = {}
    for backend, outcome in outcomes.items():
        if outcome.header is None or outcome.trace is None:
            runs[backend] = RunFinding(status=outcome.status, reason=outcome.reason)
        else:
            agreed = _agreement(outcome.header, outcome.trace, definition)
            runs[backend] = _run(outcome.header, outcome.trace, agreed, thresholds)
    return Configuration(name=name, spec=plan, parameters=plan.network.parameter_count(), runs=runs)


def _where(event: verdict.Event, plan: Plan) -> str:
    """Where a run was no longer finite."""
    seed = plan.seeds[event.seed]
    return (
        f"not finite from step {event.step} on, first at {plan.network.site} {event.layer}, seed "
        f"{seed}"
    )


def _run(
    header: Header, trace: Trace, agreed: Agreement | None, thresholds: Thresholds
) -> RunFinding:
    signal = trace.quantities["signal_gradient_rms"]
    event = verdict.first_event(trace)
    with np.errstate(divide="ignore"):
        profile = 10 ** np.log10(signal[:, 0]).mean(0)
    return RunFinding(
        status="non-finite" if event else "finished",
        reason=_where(event, header.plan) if event else None,
        run_id=header.run_id,
        gradient=Judged(
            **gradient.gradient(
                trace, thresholds, header.plan.precision, header.plan.network.site
            )._asdict()
        ),
        learning=Judged(
            **learning.learning(trace, score_of(header), header.guessing_loss)._asdict()
        ),
        gradient_ratio=Spread.geometric(gradient_ratio(signal[:, 0])),
        decay_per_layer=Spread.of(decay_per_layer(signal[:, 0])),
        loss_first=Spread.of(trace.loss[:, 0]),
        loss_last=Spread.of(trace.loss[:, -1]),
        **_on_the_test_set(header),
        largest_update=Spread.geometric(trace.quantities["update_ratio"].max((1, 2))),
        clipping_bound=_clipping_bound(trace),
        profile=list(profile),
        event=Event(seed=header.plan.seeds[event.seed], step=event.step, layer=event.layer)
        if event
        else None,
        agreement=agreed,
        seconds=Timing.model_validate(header.seconds.model_dump()),
        traces=header.traces,
    )


def _on_the_test_set(header: Header) -> dict[str, Any]:
    """What the run gets there.

    Of classes the accuracy, of real targets R² and the loss, each beside that of guessing.
    """
    if header.fit:
        spreads = {
            "r_squared": Spread.of(r_squared(header.fit)),
            "test_loss": Spread.of(header.fit.loss),
        }
        return spreads | {"guessing_test_loss": header.fit.guessing}
    return {"accuracy": Spread.of(header.results), "guessing": guessing_of(header).level}


def _clipping_bound(trace: Trace) -> float:
    """The share of seeds and steps in which the clipped gradient is smaller.

    What is closer than 1e-6 is rounding.
    """
    before, after = (trace.quantities[f"{which}weight_gradient_rms"] for which in ("", "clipped_"))
    return float((after < (1 - 1e-6) * before).any(2).mean())


def _agreement(header: Header, trace: Trace, definition: Outcome | None) -> Agreement | None:
    if not header.checks:
        return None
    free_run = _free_run(header.plan, trace, definition)
    # seeds that go in several groups have a first step each
    first = _check([check for check in header.checks if check.step == header.checks[0].step])
    steps = _check(header.checks)
    running: Agreed = (
        "agrees" if free_run.outcome in ("comparable", "chaotic") else free_run.outcome
    )
    outcome, reason = max(
        (steps.outcome, steps.reason),
        (running, free_run.reason),
        key=lambda pair: WORST.index(pair[0]),
    )
    numbers = sorted({check.step for check in header.checks if check.outcome != "cannot be judged"})
    return Agreement(
        outcome=outcome,
        reason=reason,
        first_step=first,
        single_steps=steps,
        judged_steps=numbers,
        free_run=free_run,
    )


WORST: tuple[Agreed, ...] = ("agrees", "cannot be judged", "broken")


def _check(steps: list[Step]) -> Check:
    """All steps as one.

    Broken where one is; agreeing where at least one could be judged, for that compares all there
    is.
    """
    outcomes = {step.outcome for step in steps}
    outcome = next(one for one in ("broken", "agrees", "cannot be judged") if one in outcomes)
    of_it = [step for step in steps if step.outcome == outcome]
    worst = max(of_it, key=lambda step: agreement.share(step.error, step.bound))
    return Check(**worst.model_dump(exclude={"step"}))


def _free_run(plan: Plan, trace: Trace, definition: Outcome | None) -> FreeRun:
    if (
        definition is None
        or definition.trace is None
        or definition.header is None
        or definition.header.sensitivity is None
    ):
        reason = "there is no run of the definition"
        return FreeRun(
            outcome="cannot be judged", reason=reason, step=None, divergence=None, bound=None
        )
    return FreeRun(
        **free_run(plan, trace, definition.trace, definition.header.sensitivity)._asdict()
    )


def all_agree(configurations: Iterable[Configuration]) -> bool | None:
    """Whether every run agrees that could be compared with the definition; None if none could."""
    runs = [
        run
        for c in configurations
        for backend, run in c.runs.items()
        if backend != DEFINITION and run.agreement
    ]
    known = [run.agreement.outcome for run in runs if run.agreement]
    known = [outcome for outcome in known if outcome != "cannot be judged"]
    return "broken" not in known if known else None


def failed(document: Document) -> bool:
    """Whether a command that made this document ends with exit status 1.

    A run failed, or agreement is broken.
    """
    bad = {"non-finite", "crashed", "unsupported"}
    return document.agrees is False or any(
        run.status in bad for c in document.configurations for run in c.runs.values()
    )
