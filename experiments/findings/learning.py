"""Whether the network has learnt, without a scale of its own.

A loss multiplied by any number gets the same verdict.

The learning is judged by what it gets on the test set beside guessing, which is always saying the
most frequent class, or the mean of real targets (experiments/findings/score.py), and by the loss
beside its own start:

| verdict        | where                                                                           |
|----------------|---------------------------------------------------------------------------------|
| diverged       | any recorded value is not finite; or the loss ends at more than 3 times its     |
|                | start; or it rose beyond 10 times its start and nothing was learnt              |
| learns         | guessing gets such an accuracy by chance once in 1,000 times; or once in 100,   |
|                | and the loss fell; of real targets: guessing comes as near once in 100 times,   |
|                | R² is at least 0.05, and the loss fell                                          |
| cannot be told | fewer than 10 steps, or too few test samples                                    |
| has not learnt | otherwise                                                                       |

How to read it, and how often it is right, is in docs/verdicts.md.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from common.quantities import ratio
from common.trace import Trace
from experiments.findings.score import Score
from experiments.findings.verdict import (
    Judgement,
    Words,
    finite_seeds,
    first_event,
    last_third,
    most,
    of_seed,
    told,
)

LearningVerdict = Literal["learns", "has not learnt", "diverged", "cannot be told"]

RISEN = 3.0
PEAK = 10.0
FALLEN = 0.9
"""Bounds on the loss over its start: at the end, on the way, and what counts as fallen."""
ENOUGH_STEPS = 10

LEARNING_WORDS: Words = {
    "learns": ("learns", "learn"),
    "cannot be told": ("cannot be told", "cannot be told"),
    "has not learnt": ("has not learnt", "have not learnt"),
    "diverged": ("has diverged", "have diverged"),
}


def learning(trace: Trace, score: Score, guessing_loss: float | None = None) -> Judgement:
    """Whether the network has learnt, after all steps of the run.

    Args:
        trace: Its loss is judged; other values only by whether they are finite.
        score: On the test set after the last step.
        guessing_loss: The training loss of guessing; None where it is not known.
    """
    return _Learning(trace, score, guessing_loss).judgement()


class _Learning:
    """The learning's judge.

    The loss [seed] at the start, in the last third of the run, and where it was highest.
    """

    def __init__(self, trace: Trace, score: Score, guessing_loss: float | None) -> None:
        self.trace = trace
        self.score = score
        self.guessing_loss = guessing_loss
        self.steps = int(trace.steps[-1]) + 1
        self.start = trace.loss[:, 0]
        self.end = np.median(trace.loss[:, last_third(trace)], axis=1)
        self.peak = trace.loss.max(1)
        self.finite = finite_seeds(trace) & score.finite

    def judgement(self) -> Judgement:
        seeds = [self._seed(s) for s in range(len(self.start))]
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
        fallen = bool(self.end[s] < FALLEN * self.start[s])
        if self.score.learnt(s, fallen):
            return "learns"
        if self.peak[s] > PEAK * self.start[s]:
            return "diverged"
        if self.steps < ENOUGH_STEPS or self.score.blind:
            return "cannot be told"
        return "cannot be told" if self.score.unsure(s, fallen) else "has not learnt"

    def _learns(self, seeds: list[int]) -> str:
        return f"{self.score.better(seeds)}; {self._loss(seeds)}"

    def _has_not(self, seeds: list[int]) -> str:
        fallen = self._fallen(seeds)
        least = (
            f", what guessing gets is {self.guessing_loss:.2f}"
            if fallen and self.guessing_loss
            else ""
        )
        loss = f"though {self._loss(seeds)}{least}" if fallen else "and the loss has not fallen"
        return f"{self.score.no_better(seeds, self.steps)}, {loss}"

    def _diverged(self, seeds: list[int]) -> str:
        if not self.finite[seeds].all():
            s = next(s for s in seeds if not self.finite[s])
            event = first_event(of_seed(self.trace, s))
            return f"not finite from step {event.step} on" if event else "not finite"
        s = max(seeds, key=lambda s: float(ratio(self.peak[s], self.start[s])))
        if self.end[s] > RISEN * self.start[s]:
            return f"the loss has risen from {self.start[s]:.3g} to {self.end[s]:.3g}"
        return (
            f"the loss has risen from {self.start[s]:.3g} to {self.peak[s]:.3g} on the way, and "
            "nothing is learnt"
        )

    def _cannot(self, seeds: list[int]) -> str:
        if self.score.blind:
            return self.score.too_few()
        if self.steps < ENOUGH_STEPS:
            return f"{self.steps} {'step is' if self.steps == 1 else 'steps are'} too few"
        return self.score.perhaps(seeds)

    def _fallen(self, seeds: list[int]) -> bool:
        start, end = self._told(seeds)
        return bool(np.median(ratio(self.end[seeds], self.start[seeds])) < FALLEN) or bool(
            end < FALLEN * start
        )

    def _told(self, seeds: list[int]) -> tuple[float, float]:
        """The loss at the first and at the last step, as it is told."""
        return float(self.start[seeds].mean()), float(self.trace.loss[seeds, -1].mean())

    def _loss(self, seeds: list[int]) -> str:
        start, end = self._told(seeds)
        return f"the loss has {'fallen' if end < start else 'not fallen'}, {start:.3g} to {end:.3g}"
