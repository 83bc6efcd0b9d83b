"""Whether the network has learnt, without a scale of its own: a loss multiplied by any number gets the same verdict.

The learning is judged by the test accuracy beside guessing, and by the loss beside its own start:

| verdict        | where                                                                                         |
|----------------|-----------------------------------------------------------------------------------------------|
| diverged       | any recorded value is not finite; or the loss ends at more than 3 times its start; or it rose  |
|                | beyond 10 times its start and nothing was learnt                                              |
| learns         | guessing gets such an accuracy by chance once in 1,000 times; or once in 100, and the loss fell |
| cannot be told | fewer than 10 steps, or too few test samples                                                  |
| has not learnt | otherwise                                                                                     |

How to read it, and how often it is right, is in docs/verdicts.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from common.quantities import ratio
from common.trace import Trace
from experiments.findings.verdict import Judgement, Words, finite_seeds, first_event, last_third, most, of_seed, told

LearningVerdict = Literal["learns", "has not learnt", "diverged", "cannot be told"]

RISEN, PEAK, FALLEN = 3.0, 10.0, 0.9
"""Bounds on the loss over its start: at the end, on the way, and what counts as fallen."""
SURE, LIKELY, POSSIBLE = 0.001, 0.01, 0.1
"""How often guessing may reach an accuracy by chance."""
ENOUGH_STEPS = 10

LEARNING_WORDS: Words = {
    "learns": ("learns", "learn"),
    "cannot be told": ("cannot be told", "cannot be told"),
    "has not learnt": ("has not learnt", "have not learnt"),
    "diverged": ("has diverged", "have diverged"),
}


class Guessing(NamedTuple):
    """What a network gets that has learnt nothing.

    Attributes:
        accuracy: The share of the training set's most frequent class among the test samples.
        samples: How many test samples there are.
        best: The share of the test set's most frequent class: no guess that does not look at the sample can expect more.
        loss: That of guessing by the training set's class frequencies; None where it is not known.
    """

    accuracy: float
    samples: int
    best: float = 0.0
    loss: float | None = None

    @property
    def level(self) -> float:
        """What has to be exceeded."""
        return max(self.accuracy, self.best)

    @property
    def error(self) -> float:
        """The binomial standard error of an accuracy at that level."""
        return math.sqrt(self.level * (1 - self.level) / self.samples)

    def chance(self, accuracy: float) -> float:
        """The probability of guessing as many samples right, or more."""
        from scipy.special import bdtrc

        right = round(accuracy * self.samples)
        return float(bdtrc(right - 1, self.samples, self.level)) if right else 1.0


def learning(trace: Trace, accuracy: Sequence[float], guessing: Guessing) -> Judgement:
    """Whether the network has learnt, after all steps of the run.

    Args:
        trace: Its loss is judged; other values only by whether they are finite.
        accuracy: On the test set after the last step, one number a seed.
        guessing: What a network gets that has learnt nothing.
    """
    return _Learning(trace, np.asarray(accuracy, dtype=float), guessing).judgement()


class _Learning:
    """The learning's judge: the loss [seed] at the start, in the last third of the run, and where it was highest."""

    def __init__(self, trace: Trace, accuracy: np.ndarray, guessing: Guessing) -> None:
        self.trace, self.accuracy, self.guessing = trace, accuracy, guessing
        self.steps = int(trace.steps[-1]) + 1
        self.start, self.end = trace.loss[:, 0], np.median(trace.loss[:, last_third(trace)], axis=1)
        self.peak = trace.loss.max(1)
        self.finite = finite_seeds(trace) & np.isfinite(accuracy)

    def judgement(self) -> Judgement:
        seeds = [self._seed(s) for s in range(len(self.accuracy))]
        verdict = most(seeds, LEARNING_WORDS)
        tell = {
            "learns": self._learns,
            "has not learnt": self._has_not,
            "diverged": self._diverged,
            "cannot be told": self._cannot,
        }

        def reason(one: str) -> str:
            return tell[one]([s for s, v in enumerate(seeds) if v == one])

        return Judgement(verdict, told(verdict, seeds, LEARNING_WORDS, reason), seeds)

    def _seed(self, s: int) -> LearningVerdict:
        if not self.finite[s] or self.end[s] > RISEN * self.start[s]:
            return "diverged"  # no accuracy is believed here: the class of a NaN is 0
        chance, fallen = self.guessing.chance(self.accuracy[s]), self.end[s] < FALLEN * self.start[s]
        if chance < SURE or (chance < LIKELY and fallen):
            return "learns"
        if self.peak[s] > PEAK * self.start[s]:
            return "diverged"
        if self.steps < ENOUGH_STEPS or self._blind():
            return "cannot be told"
        above = self.accuracy[s] > self.guessing.level
        weak = chance < POSSIBLE or self.guessing.chance((1 + self.guessing.level) / 2) >= LIKELY
        return "cannot be told" if fallen and above and weak else "has not learnt"

    def _blind(self) -> bool:
        """Whether even a perfect network could not be told from guessing by so few test samples."""
        return self.guessing.chance(1.0) >= LIKELY

    def _learns(self, seeds: list[int]) -> str:
        return f"{self._accuracies(seeds)} of the test samples are right, guessing gets {self._guess()}; {self._loss(seeds)}"

    def _has_not(self, seeds: list[int]) -> str:
        fallen = self._fallen(seeds)
        least = f", what guessing gets is {self.guessing.loss:.2f}" if fallen and self.guessing.loss else ""
        loss = f"though {self._loss(seeds)}{least}" if fallen else "and the loss has not fallen"
        more = self.accuracy[seeds].max() > self.guessing.level + self.guessing.error
        as_good = "hardly more than" if more else "what"
        return f"{self._accuracies(seeds)} is {as_good} guessing gets ({self._guess()}) after {self.steps} steps, {loss}"

    def _diverged(self, seeds: list[int]) -> str:
        if not self.finite[seeds].all():
            s = next(s for s in seeds if not self.finite[s])
            event = first_event(of_seed(self.trace, s))
            return f"not finite from step {event.step} on" if event else "not finite"
        s = max(seeds, key=lambda s: float(ratio(self.peak[s], self.start[s])))
        if self.end[s] > RISEN * self.start[s]:
            return f"the loss has risen from {self.start[s]:.3g} to {self.end[s]:.3g}"
        return f"the loss has risen from {self.start[s]:.3g} to {self.peak[s]:.3g} on the way, and nothing is learnt"

    def _cannot(self, seeds: list[int]) -> str:
        if self._blind():
            samples = f"{self.guessing.samples} test samples" if self.guessing.samples > 1 else "1 test sample"
            return f"{samples} are too few: guessing could get them all right by chance ({self._guess()})"
        if self.steps < ENOUGH_STEPS:
            return f"{self.steps} {'step is' if self.steps == 1 else 'steps are'} too few"
        return (
            f"{self._accuracies(seeds)} of {self.guessing.samples} test samples are right, guessing gets {self._guess()}: "
            "too few samples to tell them apart"
        )

    def _accuracies(self, seeds: list[int]) -> str:
        low, high = self.accuracy[seeds].min(), self.accuracy[seeds].max()
        return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"

    def _guess(self) -> str:
        return f"{self.guessing.level:.2f} ± {self.guessing.error:.2f}"

    def _fallen(self, seeds: list[int]) -> bool:
        return bool(np.median(ratio(self.end[seeds], self.start[seeds])) < FALLEN)

    def _loss(self, seeds: list[int]) -> str:
        start, end = self.start[seeds].mean(), self.trace.loss[seeds, -1].mean()
        return f"the loss has {'fallen' if end < start else 'not fallen'}, {start:.3g} to {end:.3g}"
