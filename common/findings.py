"""Findings: the JSON document of an experiment. Its shape is a promise to its readers; `schema` counts its versions.

    python -m experiments.compare --json findings.json

A number that is not finite, or that was not measured, is null. A `Spread` is one number a seed, in the order of the seeds,
with their mean and their standard deviation (of the seeds at hand: divided by their count).

| field                         | meaning                                                                              |
|-------------------------------|--------------------------------------------------------------------------------------|
| schema                        | 1                                                                                    |
| experiment, question, command | its name, the question that it answers, the command line                             |
| versions                      | packages, and digests of this project's own sources                                  |
| device, threads               | what each backend ran on, `cpu:0`, and with how many threads                         |
| exclusive                     | by backend: whether no other one ran beside it, so that its seconds can be compared  |
| thresholds                    | bounds on gradient_ratio: vanishing below, exploding above                           |
| agrees                        | whether all runs agree that could be compared; null where none could                 |
| configurations                | name; spec, the plan with every number; parameters, the count of one seed; runs      |
| runs                          | by backend: numpy is the definition                                                  |
| . status                      | finished; non-finite; crashed; unsupported: the backend refused; missing: not installed |
| . reason                      | one line on why it is not finished, or null                                          |
| . run_id                      | the name of its file in the store                                                    |
| . verdict                     | of the most frequent seed; null where there is no trace                              |
| . gradient_ratio              | first step: signal_gradient_rms of the first hidden layer over the last one's        |
| . decay_per_layer             | first step: decades of it gained per layer on the way back; negative where it vanishes |
| . loss_first, loss_last       | at the first and the last step                                                       |
| . accuracy                    | on the test set after the last step, in evaluation mode                              |
| . largest_update              | largest update_ratio of any layer and recorded step                                  |
| . profile                     | signal_gradient_rms of each hidden layer at the first step, geometric mean over seeds |
| . event                       | the first value that is not finite: seed, step from 0, hidden layer from 1; or null  |
| . agreement                   | with the definition (common/agreement.py): first_step_error and its tolerance; the largest divergence of any step and the largest sensitivity, null without a run of the definition; agrees |
| . seconds                     | import; first_step, with compiling; steps, one later step on average                 |
| . traces                      | how often its training step was traced: 0 where an earlier run's compiled one served |
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from common import agreement, verdict
from common.plan import Plan
from common.quantities import decay_per_layer, gradient_ratio
from common.trace import Header, Trace
from common.verdict import Thresholds, Verdict

DEFINITION = "numpy"

Status = Literal["finished", "non-finite", "crashed", "unsupported", "missing"]


def _finite(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


Number = Annotated[float | None, BeforeValidator(_finite)]


class Finding(BaseModel):
    """What the parts of the document have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Spread(Finding):
    """One number a seed."""

    mean: Number
    std: Number
    seeds: list[Number]

    @classmethod
    def of(cls, seeds: Iterable[float]) -> Spread:
        """The spread of one number a seed; a seed that is not finite leaves mean and deviation open."""
        values = np.asarray(list(seeds), dtype=float)
        with np.errstate(invalid="ignore", over="ignore"):
            return cls(mean=values.mean(), std=values.std(), seeds=list(values))


class Agreement(Finding):
    """Agreement of a run with the definition."""

    first_step_error: Number
    tolerance: Number
    divergence: Number
    sensitivity: Number
    agrees: bool | None


class Timing(Finding):
    """Wall-clock seconds."""

    imports: Number = Field(alias="import")
    first_step: Number
    steps: Number


class Event(Finding):
    """Where a run first turned non-finite."""

    seed: int
    step: int
    layer: int


class RunFinding(Finding):
    """What became of one configuration on one backend."""

    status: Status
    reason: str | None = None
    run_id: str | None = None
    verdict: Verdict | None = None
    gradient_ratio: Spread | None = None
    decay_per_layer: Spread | None = None
    loss_first: Spread | None = None
    loss_last: Spread | None = None
    accuracy: Spread | None = None
    largest_update: Spread | None = None
    profile: list[Number] | None = None
    event: Event | None = None
    agreement: Agreement | None = None
    seconds: Timing | None = None
    traces: int | None = None


class Configuration(Finding):
    """One configuration on all backends."""

    name: str
    spec: Plan
    parameters: int
    runs: dict[str, RunFinding]


class Document(Finding):
    """The findings of an experiment."""

    version: Literal[1] = Field(default=1, alias="schema")
    experiment: str
    question: str
    command: str
    versions: dict[str, str]
    device: dict[str, str]
    threads: dict[str, int]
    exclusive: dict[str, bool]
    thresholds: Thresholds
    configurations: list[Configuration]
    agrees: bool | None

    def to_json(self) -> str:
        """The JSON text, indented."""
        return self.model_dump_json(by_alias=True, indent=2)


@dataclass(frozen=True)
class Outcome:
    """What the runner and the store have of one run: a trace with its header, or the reason why there is none."""

    status: Status
    reason: str | None = None
    header: Header | None = None
    trace: Trace | None = None


def configuration(
    name: str, plan: Plan, outcomes: dict[str, Outcome], perturbed: Trace | None, thresholds: Thresholds
) -> Configuration:
    """The findings of one configuration.

    Args:
        name: Its name.
        plan: Its plan.
        outcomes: By backend.
        perturbed: The definition's run from weights moved by one unit in the last place.
        thresholds: Of the verdicts.
    """
    definition = outcomes[DEFINITION].trace if DEFINITION in outcomes else None
    runs: dict[str, RunFinding] = {}
    for backend, outcome in outcomes.items():
        if outcome.header is None or outcome.trace is None:
            runs[backend] = RunFinding(status=outcome.status, reason=outcome.reason)
        else:
            agreed = _agreement(outcome.header, outcome.trace, definition, perturbed)
            runs[backend] = _run(outcome.header, outcome.trace, agreed, thresholds)
    return Configuration(name=name, spec=plan, parameters=plan.network.parameter_count(), runs=runs)


def _run(header: Header, trace: Trace, agreed: Agreement, thresholds: Thresholds) -> RunFinding:
    signal, event = trace.quantities["signal_gradient_rms"], verdict.first_event(trace)
    with np.errstate(divide="ignore"):
        profile = 10 ** np.log10(signal[:, 0]).mean(0)
    return RunFinding(
        status="non-finite" if event else "finished",
        reason=f"not finite from step {event.step} on, first at layer {event.layer}, seed {header.plan.seeds[event.seed]}"
        if event
        else None,
        run_id=header.run_id,
        verdict=verdict.of_run(verdict.of_seeds(trace, thresholds)),
        gradient_ratio=Spread.of(gradient_ratio(signal[:, 0])),
        decay_per_layer=Spread.of(decay_per_layer(signal[:, 0])),
        loss_first=Spread.of(trace.loss[:, 0]),
        loss_last=Spread.of(trace.loss[:, -1]),
        accuracy=Spread.of(header.accuracy),
        largest_update=Spread.of(trace.quantities["update_ratio"].max((1, 2))),
        profile=list(profile),
        event=Event(seed=header.plan.seeds[event.seed], step=event.step, layer=event.layer) if event else None,
        agreement=agreed,
        seconds=Timing.model_validate(header.seconds.model_dump()),
        traces=header.traces,
    )


def _agreement(header: Header, trace: Trace, definition: Trace | None, perturbed: Trace | None) -> Agreement:
    error, bound = header.first_step_error, header.tolerance
    agrees = None if error is None or bound is None else error <= bound
    diverged = agreement.divergence(trace, definition) if definition else None
    sensitivity = agreement.divergence(perturbed, definition) if definition and perturbed else None
    if agrees and definition and diverged is not None and sensitivity is not None:
        both_broken = verdict.first_event(trace) and verdict.first_event(definition)
        agrees = bool(both_broken) or agreement.training_agrees(header.plan, diverged, sensitivity)
    return Agreement(
        first_step_error=error,
        tolerance=bound,
        divergence=None if diverged is None else diverged.max(),
        sensitivity=None if sensitivity is None else sensitivity.max(),
        agrees=agrees,
    )


def all_agree(configurations: Iterable[Configuration]) -> bool | None:
    """Whether every run agrees that could be compared with the definition; None where none could."""
    runs = [run for c in configurations for backend, run in c.runs.items() if backend != DEFINITION and run.agreement]
    known = [run.agreement.agrees for run in runs if run.agreement and run.agreement.agrees is not None]
    return all(known) if known else None


def failed(document: Document) -> bool:
    """Whether a command that made this document ends with exit status 1: a run failed, or agreement is broken."""
    bad = {"non-finite", "crashed", "unsupported"}
    return document.agrees is False or any(run.status in bad for c in document.configurations for run in c.runs.values())
