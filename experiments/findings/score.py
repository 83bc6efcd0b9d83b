"""What a network gets on the test set beside what guessing gets.

Of classes its accuracy, of real targets R².

R² is the share of the squared error that the network takes away: 1 less its test loss over that of
always saying the test set's mean. Of a guess it is 0 at most, of a network that knows less than
that it is negative.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from common.trace import Fit, Header
from experiments.findings.guesses import Guessing, guessing_of

SURE = 0.001
LIKELY = 0.01
POSSIBLE = 0.1
"""How often guessing may reach such a result by chance."""

LEAST = 0.05
"""The R² of a network that has learnt: a constant and a trace of noise that happens to fit gets
less."""


class Score(Protocol):
    """The results of all seeds of a run on the test set."""

    @property
    def finite(self) -> np.ndarray:
        """Whether there is a result [seed]."""
        ...

    @property
    def blind(self) -> bool:
        """Whether even a perfect network could not be told from guessing by so few test samples."""
        ...

    def learnt(self, seed: int, fallen: bool) -> bool:
        """Whether it is better than guessing, given whether the training loss has fallen."""
        ...

    def unsure(self, seed: int, fallen: bool) -> bool:
        """Whether it may be better, where it has not surely learnt."""
        ...

    def better(self, seeds: list[int]) -> str:
        """The results of seeds that have learnt, beside guessing."""
        ...

    def no_better(self, seeds: list[int], steps: int) -> str:
        """The results of seeds that have not."""
        ...

    def perhaps(self, seeds: list[int]) -> str:
        """The results of seeds of which it cannot be told."""
        ...

    def too_few(self) -> str:
        """Why nothing can be told by the test set."""
        ...


class Accuracies:
    """Of classes: the accuracy [seed], judged by the binomial tail."""

    def __init__(self, accuracy: Sequence[float], guessing: Guessing) -> None:
        self.accuracy = np.asarray(accuracy, dtype=float)
        self.guessing = guessing

    @property
    def finite(self) -> np.ndarray:
        """Whether there is a result [seed]."""
        return np.isfinite(self.accuracy)

    @property
    def blind(self) -> bool:
        """Whether a perfect network could be a guess by so few test samples."""
        return self.guessing.chance(1.0) >= LIKELY

    def learnt(self, seed: int, fallen: bool) -> bool:
        """Whether a seed is better than guessing."""
        chance = self.guessing.chance(self.accuracy[seed])
        return chance < SURE or (chance < LIKELY and fallen)

    def unsure(self, seed: int, fallen: bool) -> bool:
        """Whether it may be better."""
        guessing, level = self.guessing, self.guessing.level
        weak = (
            guessing.chance(self.accuracy[seed]) < POSSIBLE
            or guessing.chance((1 + level) / 2) >= LIKELY
        )
        return fallen and weak and bool(self.accuracy[seed] > level)

    def better(self, seeds: list[int]) -> str:
        """What seeds get that have learnt."""
        return f"{self._spoken(seeds)} of the test samples are right, guessing gets {self._guess()}"

    def no_better(self, seeds: list[int], steps: int) -> str:
        """What seeds get that have not."""
        more = self.accuracy[seeds].max() > self.guessing.level + self.guessing.error
        as_good = "hardly more than" if more else "what"
        return (
            f"{self._spoken(seeds)} is {as_good} guessing gets ({self._guess()}) after {steps} "
            "steps"
        )

    def perhaps(self, seeds: list[int]) -> str:
        """What seeds get of which it cannot be told."""
        return (
            f"{self._spoken(seeds)} of {self.guessing.samples} test samples are right, guessing "
            f"gets {self._guess()}: too few samples to tell them apart"
        )

    def too_few(self) -> str:
        """Why nothing can be told."""
        return (
            f"{_samples(self.guessing.samples)} are too few: guessing could get them all right by "
            f"chance ({self._guess()})"
        )

    def _spoken(self, seeds: list[int]) -> str:
        return _range(self.accuracy[seeds])

    def _guess(self) -> str:
        return f"{self.guessing.level:.2f} ± {self.guessing.error:.2f}"


class Fits:
    """Of real targets: R² [seed].

    It is judged by Student's t of how much nearer the network is, sample by sample.

    A network may be luckily near before it has learnt anything: the training loss has to have
    fallen too.
    """

    def __init__(self, fit: Fit, samples: int) -> None:
        self.fit = fit
        self.samples = samples
        self.r2 = r_squared(fit)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            self.error = np.divide(fit.error, fit.best_guess)

    @property
    def finite(self) -> np.ndarray:
        """Whether there is a result [seed]."""
        return np.isfinite(self.fit.loss)

    @property
    def blind(self) -> bool:
        """Whether a perfect network could be a guess by so few test samples."""
        return self._chance(self.fit.best_guess, self.fit.guess_error) >= LIKELY

    def learnt(self, seed: int, fallen: bool) -> bool:
        """Whether a seed is better than guessing."""
        return fallen and bool(self.r2[seed] >= LEAST) and self._chance_of(seed) < LIKELY

    def unsure(self, seed: int, fallen: bool) -> bool:
        """Whether it may be better."""
        half = self._chance(self.fit.best_guess / 2, self.fit.guess_error)
        return bool(self.r2[seed] >= LEAST) and (self._chance_of(seed) < POSSIBLE or half >= LIKELY)

    def better(self, seeds: list[int]) -> str:
        """What seeds get that have learnt."""
        return f"{self._spoken(seeds)} on the test set, where always saying the mean gets 0"

    def no_better(self, seeds: list[int], steps: int) -> str:
        """What seeds get that have not."""
        more = "hardly" if (self.r2[seeds] > self.error[seeds]).any() else "no"
        return (
            f"{self._spoken(seeds)} on the test set, {more} more than always saying the mean gets "
            f"(0), after {steps} steps"
        )

    def perhaps(self, seeds: list[int]) -> str:
        """What seeds get of which it cannot be told."""
        return (
            f"{self._spoken(seeds)} on {_samples(self.samples)}, where always saying the mean gets "
            "0: it may be either"
        )

    def too_few(self) -> str:
        """Why nothing can be told."""
        return (
            f"{_samples(self.samples)} are too few: always saying the mean could come as near by "
            "chance"
        )

    def _chance_of(self, seed: int) -> float:
        return self._chance(self.fit.best_guess - self.fit.loss[seed], self.fit.error[seed])

    def _chance(self, gain: float, error: float) -> float:
        """How often a guess is nearer by so much: the tail of Student's t.

        1 where nothing is known of the error.
        """
        from scipy.special import stdtr

        if not math.isfinite(error) or gain <= 0:
            return 1.0
        return float(stdtr(self.samples - 1, -gain / error)) if error else 0.0

    def _spoken(self, seeds: list[int]) -> str:
        return f"R² is {_range(self.r2[seeds])} (± {np.nanmax(self.error[seeds]):.2f})"


def r_squared(fit: Fit) -> np.ndarray:
    """R² [seed] on the test set; not finite where its targets do not differ."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 - np.divide(fit.loss, fit.best_guess)


def score_of(header: Header) -> Score:
    """The results of a run."""
    if header.fit:
        return Fits(header.fit, header.test_samples)
    return Accuracies(header.accuracy or [], guessing_of(header))


def _range(values: np.ndarray) -> str:
    low, high = (f"{value + 0.0:.2f}" for value in np.round([values.min(), values.max()], 2))
    return low if low == high else f"{low} to {high}"


def _samples(count: int) -> str:
    return f"{count} test samples" if count > 1 else "1 test sample"
