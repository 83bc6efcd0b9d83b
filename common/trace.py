"""A trace: what one run measured, [seed, step, layer], and the facts that a reader needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from common.plan import Plan
from common.text import escaped


class Seconds(BaseModel):
    """Wall-clock seconds.

    Importing the framework, the first step with its compilation, and one later step on average.
    """

    model_config = ConfigDict(populate_by_name=True)

    imports: float
    first_step: float
    steps: float


Told = Annotated[str, AfterValidator(escaped)]
"""Words that are printed: a file may come from somebody else, and hold what moves a terminal's
cursor."""

Agreed = Literal["agrees", "cannot be judged", "broken"]


class Check(BaseModel):
    """One training step from the definition's state, held to its step (common/agreement.py).

    Attributes:
        step: Counted from 0.
        outcome: Of all that was compared.
        reason: Why it does not agree, in one line; None where it does.
        error: Of what is nearest to its bound, or furthest beyond it.
        bound: Its bound.
        where: What that is.
    """

    # an infinite error is broken agreement, not an unknown one
    model_config = ConfigDict(ser_json_inf_nan="constants")

    step: int
    outcome: Agreed
    reason: Told | None
    error: float
    bound: float
    where: Told


class Fit(BaseModel):
    """How near a network comes to real targets: mean squared errors on the test set, at the end.

    Attributes:
        loss: In evaluation mode, one number a seed.
        error: The standard error of how much less it is than `best_guess`, over the test samples,
            one number a seed.
        guessing: Of always saying the mean of the training set's targets.
        best_guess: Of always saying the test set's own: nothing that does not look at the sample
            has less.
        guess_error: The standard error of `best_guess` over the test samples.
    """

    model_config = ConfigDict(ser_json_inf_nan="constants")

    loss: list[float]
    error: list[float]
    guessing: float
    best_guess: float
    guess_error: float


class Header(BaseModel):
    """The facts of one run.

    Attributes:
        seeds_at_once: How many seeds were trained side by side; None in runs from before this was
            kept.
        traces: How often the training step was traced to be compiled for this run: 0 where an
            earlier run's could serve.
        exclusive: Whether no other worker ran beside it, so that its seconds can be compared.
        checks: Steps that were compared with the definition's, the first one first; empty where
            none could be.
        accuracy: On the test set after the last step, in evaluation mode, one number a seed; None
            with real targets.
        guessing: The accuracy of guessing the training set's most frequent class; None with real
            targets.
        fit: What there is of real targets in place of an accuracy; None with classes.
        test_samples: How many samples the test set has.
        best_guess: The share of the test set's most frequent class; None in runs from before this
            was kept, and as above.
        guessing_loss: The loss of guessing by the training set's class frequencies, or by the mean
            of its real targets; None in runs from before this was kept.
        sensitivity: Of the definition's run only: at each recorded step the divergence
            (common/free_run.py) of the same run with every operation rounded at random; 1, which is
            the most, from where it is chaotic, NaN from where it is not finite.
    """

    # an infinite error is broken agreement, not an unknown one
    model_config = ConfigDict(ser_json_inf_nan="constants")

    backend: str
    plan: Plan
    run_id: str
    versions: dict[str, str]
    device: str
    threads: int
    seconds: Seconds
    seeds_at_once: int | None = None
    traces: int | None = None
    exclusive: bool = False
    checks: list[Check] = []
    accuracy: list[float] | None = None
    guessing: float | None = None
    fit: Fit | None = None
    test_samples: int
    best_guess: float | None = None
    guessing_loss: float | None = None
    sensitivity: list[float] | None = None

    @model_validator(mode="after")
    def _is_of_classes_or_of_real_targets(self) -> Header:
        if (self.fit is not None) != bool(self.plan.network.targets) or (self.accuracy is None) != (
            self.fit is not None
        ):
            raise ValueError("a run has either accuracies or, with real targets, a fit")
        return self

    @property
    def results(self) -> list[float]:
        """On the test set, one number a seed: accuracies, or of real targets the losses."""
        return self.fit.loss if self.fit else self.accuracy or []


@dataclass(frozen=True)
class Trace:
    """The measurements of one run.

    Attributes:
        steps: [step], the recorded steps, counted from 0.
        loss: [seed, step].
        quantities: [seed, step, layer] by the names of `common.quantities.QUANTITIES`.
    """

    steps: np.ndarray
    loss: np.ndarray
    quantities: dict[str, np.ndarray]

    def at(self, index: int) -> Trace:
        """One recorded step of it."""
        one = slice(index, index + 1)
        return Trace(
            self.steps[one],
            self.loss[:, one],
            {name: a[:, one] for name, a in self.quantities.items()},
        )
