"""Findings: the JSON document of an experiment.

Its shape is a promise to its readers; `schema` counts its versions.

    python -m experiments.compare --json findings.json

A number that is not finite, or that was not measured, is null. A `Spread` is one number a seed, in
the order of the seeds, with their mean and their standard deviation (of the seeds at hand: divided
by their count). Where seeds can be decades apart the mean is the geometric one, and the deviation,
`decades`, that of the decimal logarithms; `std` is null there.

| field                         | meaning                                                          |
|-------------------------------|------------------------------------------------------------------|
| schema                        | 3                                                                |
| experiment, question, command | its name, the question that it answers, the command line         |
| versions                      | packages, and digests of this project's own sources              |
| device, threads               | what each backend ran on, `cpu:0`, and with how many threads     |
| exclusive                     | by backend: whether no other one ran beside it, so that its      |
|                               | seconds can be compared                                          |
| thresholds                    | bounds on gradient_ratio: vanishing below, exploding above       |
| agrees                        | whether all runs agree that could be compared; null where none   |
|                               | could                                                            |
| configurations                | name; spec, the plan with every number; parameters, the count of |
|                               | one seed; runs                                                   |
| runs                          | by backend: numpy is the definition                              |
| . status                      | finished; non-finite; crashed; unsupported: the backend refused; |
|                               | missing: not installed                                           |
| . reason                      | one line on why it is not finished, or null                      |
| . run_id                      | the name of its file in the store                                |
| . gradient                    | whether it comes through (experiments/findings/gradient.py):     |
|                               | verdict, reason, and the verdict on each of the seeds            |
| . learning                    | whether it learns: verdict, reason, seeds                        |
| . gradient_ratio              | first step: signal_gradient_rms of the first layer or time step  |
|                               | over the last one's; geometric                                   |
| . decay_per_layer             | first step: decades of it gained per layer on the way back;      |
|                               | negative where it vanishes                                       |
| . loss_first, loss_last       | at the first and the last step                                   |
| . accuracy                    | on the test set after the last step, in evaluation mode; null    |
|                               | with real targets                                                |
| . r_squared, test_loss        | with real targets, there: 1 less the squared error over that of  |
|                               | always saying the test set's mean; the mean squared error; null  |
|                               | with classes                                                     |
| . largest_update              | largest update_ratio of any layer and recorded step; geometric   |
| . clipping_bound              | share of the seeds and recorded steps in which clipping made the |
|                               | weight gradient of a site smaller; biases and the output layer   |
|                               | are not measured                                                 |
| . profile                     | signal_gradient_rms of each hidden layer at the first step,      |
|                               | geometric mean over seeds                                        |
| . event                       | the first value that is not finite: seed, step from 0, hidden    |
|                               | layer from 1; or null                                            |
| . guessing                    | the accuracy that guessing one class gets on the test set, at    |
|                               | best; null with real targets                                     |
| . guessing_test_loss          | with real targets: the test_loss of always saying the training   |
|                               | set's mean; null with classes                                    |
| . agreement                   | with the definition (common/agreement.py): outcome, reason, and  |
|                               | what it is made of:                                              |
| . . first_step, single_steps  | steps from the definition's own states: outcome, reason; error   |
|                               | and bound, where they are nearest, and where that is             |
| . . judged_steps              | the steps that could be judged so, counted from 0                |
| . . free_run                  | outcome, reason; the step from which on it is chaotic, or at     |
|                               | which it parts; divergence and bound where they are nearest, up  |
|                               | to there                                                         |
| . seconds                     | import; first_step, with compiling; steps, one later step on     |
|                               | average                                                          |
| . traces                      | how often its training step was traced: 0 where an earlier run's |
|                               | compiled one served                                              |
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from common.plan import Plan
from common.trace import Agreed
from experiments.findings.outcome import Status
from experiments.findings.thresholds import Thresholds


def _finite(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


Number = Annotated[float | None, BeforeValidator(_finite)]


class Finding(BaseModel):
    """What the parts of the document have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Spread(Finding):
    """One number a seed, with the arithmetic mean or the geometric one, and its deviation."""

    mean: Number
    std: Number
    decades: Number = None
    seeds: list[Number]

    @classmethod
    def of(cls, seeds: Iterable[float]) -> Spread:
        """The spread of one number a seed; a seed not finite leaves mean and deviation open."""
        values = np.asarray(list(seeds), dtype=float)
        with np.errstate(invalid="ignore", over="ignore"):
            return cls(mean=values.mean(), std=values.std(), seeds=list(values))

    @classmethod
    def geometric(cls, seeds: Iterable[float]) -> Spread:
        """The same for numbers decades apart, which an arithmetic mean would give to the largest.

        A seed with 0 makes the mean 0, as it does in the profile, and leaves the deviation open.
        """
        values = np.asarray(list(seeds), dtype=float)
        with np.errstate(invalid="ignore", divide="ignore"):
            logs = np.log10(values)
            return cls(mean=10 ** logs.mean(), std=None, decades=logs.std(), seeds=list(values))


class Check(Finding):
    """Steps from the definition's own states, compared with the definition's."""

    outcome: Agreed
    reason: str | None
    error: Number
    bound: Number
    where: str | None


class FreeRun(Finding):
    """A training run, compared with the definition's."""

    outcome: Literal["comparable", "chaotic", "broken", "cannot be judged"]
    reason: str | None
    step: int | None
    divergence: Number
    bound: Number


class Agreement(Finding):
    """Agreement of a run with the definition."""

    outcome: Agreed
    reason: str | None
    first_step: Check
    single_steps: Check
    judged_steps: list[int]
    free_run: FreeRun


class Judged(Finding):
    """A verdict, its reason, and the verdict on each seed."""

    verdict: str
    reason: str
    seeds: list[str]


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
    gradient: Judged | None = None
    learning: Judged | None = None
    gradient_ratio: Spread | None = None
    decay_per_layer: Spread | None = None
    loss_first: Spread | None = None
    loss_last: Spread | None = None
    accuracy: Spread | None = None
    guessing: Number = None
    r_squared: Spread | None = None
    test_loss: Spread | None = None
    guessing_test_loss: Number = None
    largest_update: Spread | None = None
    clipping_bound: Number = None
    profile: list[Number] | None = None
    event: Event | None = None
    agreement: Agreement | None = None
    seconds: Timing | None = None
    traces: int | None = None

    @property
    def ranked(self) -> bool:
        """Whether its result may stand beside others': it learns, and every seed came to its end.

        The accuracy of a network that has not learnt is that of a guess, and so is that of NaN,
        whose class is 0.
        """
        return (
            self.status == "finished"
            and self.learning is not None
            and self.learning.verdict == "learns"
        )


class Configuration(Finding):
    """One configuration on all backends."""

    name: str
    spec: Plan
    parameters: int
    runs: dict[str, RunFinding]


class Document(Finding):
    """The findings of an experiment."""

    version: Literal[3] = Field(default=3, alias="schema")
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

    @property
    def site(self) -> str:
        """What a site is called: `layer`, `time step`, or both."""
        return " or ".join(dict.fromkeys(c.spec.network.site for c in self.configurations))

    def to_json(self) -> str:
        """The JSON text, indented."""
        return self.model_dump_json(by_alias=True, indent=2)
