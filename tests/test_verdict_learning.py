"""The verdict on the learning: classes beside guessing, and real targets beside their mean."""

from __future__ import annotations

import numpy as np
import pytest

from common.trace import Fit
from experiments.findings.guesses import Guessing
from experiments.findings.learning import learning
from experiments.findings.score import Accuracies, Fits
from experiments.findings.verdict import Judgement
from tests.traces import GUESSING, SEEDS, falling, judged, trace


def learnt(
    accuracy: float, loss: list[float], guessing: Guessing = GUESSING, steps: int = 50
) -> Judgement:
    recorded = tuple(np.linspace(0, steps - 1, len(loss)).astype(int))
    return learning(
        trace(loss=np.array(loss), steps=recorded), Accuracies([accuracy] * SEEDS, guessing), 2.3
    )


def test_a_network_that_learns() -> None:
    found = learnt(0.62, [2.31, 1.6, 1.4, 1.34])
    assert found.verdict == "learns"
    assert found.reason == (
        "0.62 of the test samples are right, guessing gets 0.12 ± 0.02; the loss has fallen, 2.31 "
        "to 1.34"
    )


def test_a_network_at_guessing_level_has_not_learnt_although_its_loss_fell() -> None:
    """Wrong: "healthy", read as "it learns", of sigmoid + gaussian (std 1): 7.35 to 2.34, accuracy
    0.10.
    """
    found = learnt(0.10, [7.35, 4, 2.34, 2.34])
    assert found.verdict == "has not learnt"
    assert found.reason == (
        "0.10 is what guessing gets (0.12 ± 0.02) after 50 steps, though the loss has fallen, "
        "7.35 to 2.34, what guessing gets is 2.30"
    )
    assert learnt(0.10, [2.4, 2.3, 2.4, 2.4]).reason.endswith("and the loss has not fallen")


def test_an_accuracy_that_is_a_little_above_guessing_is_not_said_to_be_the_same() -> None:
    found = learnt(0.14, [2.3, 2.3, 2.3, 2.3])
    assert found.verdict == "has not learnt"
    assert found.reason.startswith("0.14 is hardly more than guessing gets (0.12 ± 0.02)")


@pytest.mark.parametrize("accuracy", [0.86, 0.90, 0.92])
def test_a_majority_guesser_has_not_learnt(accuracy: float) -> None:
    """Wrong: "highest test accuracy" for who always says the same class."""
    assert (
        learnt(accuracy, [0.7, 0.4, 0.33, 0.33], Guessing(0.9, 200, 0.9)).verdict
        == "has not learnt"
    )
    assert learnt(0.98, [0.7, 0.4, 0.1, 0.1], Guessing(0.9, 200, 0.9)).verdict == "learns"


def test_an_accuracy_that_chance_gets_once_in_a_hundred_times_needs_a_loss_that_fell() -> None:
    guessing = Guessing(0.5, 100, 0.5)
    assert 0.001 < guessing.chance(0.63) < 0.01
    assert learnt(0.63, [0.7, 0.5, 0.4, 0.4], guessing).verdict == "learns"
    assert learnt(0.63, [0.7, 0.7, 0.7, 0.7], guessing).verdict == "has not learnt"


def test_of_equally_many_seeds_the_more_severe_verdict_counts() -> None:
    found = learning(
        trace(loss=np.array([1, 0.5, 0.5, 0.5])), Accuracies([0.1, 0.9, np.nan], GUESSING)
    )
    assert (found.verdict, set(found.seeds)) == (
        "diverged",
        {"has not learnt", "learns", "diverged"},
    )
    assert (
        judged(np.array([falling(1), falling(1e-9), falling(1e9)])[:, None]).verdict == "exploding"
    )


def test_numbers_at_the_ends_of_the_range_are_told() -> None:
    assert "makes the gradient 1e+600 times as large" in judged(np.array([1e300, 1e-300])).reason
    assert "keeps 1e-288 % of the gradient" in judged(np.array([1e-290, 1, 1e290])).reason


def test_another_constant_class_is_a_guess_too() -> None:
    assert learnt(0.6, [0.7, 0.7, 0.7, 0.7], Guessing(0.4, 1000, 0.6)).verdict == "has not learnt"


def test_labels_that_are_known_by_heart_are_not_learnt() -> None:
    found = learnt(0.52, [0.7, 0.2, 0.01, 0.01], Guessing(0.5, 200, 0.5))
    assert found.verdict == "has not learnt"
    assert "though the loss has fallen" in found.reason


@pytest.mark.parametrize(
    "loss", [[2.3, np.nan, np.nan, np.nan], [2.3, np.inf, 3, 2], [2.4, 50, 80, 91]]
)
def test_a_loss_that_is_not_finite_or_rose_far_has_diverged_whatever_the_accuracy(
    loss: list[float],
) -> None:
    """Wrong: tanh, rate 10, "healthy" at a loss from 2.4 to 91, and a NaN that wins the ranking."""
    found = learnt(0.99, loss)
    assert found.verdict == "diverged"
    assert found.reason == (
        "the loss has risen from 2.4 to 85.5"
        if np.isfinite(loss).all()
        else "not finite from step 16 on"
    )


def test_a_loss_that_rose_far_and_came_back_has_diverged_unless_it_learnt() -> None:
    assert learnt(0.11, [2.4, 1e5, 2.3, 2.3]).verdict == "diverged"
    assert learnt(0.90, [2.4, 1e5, 0.3, 0.3]).verdict == "learns"


def test_too_few_steps_or_samples_are_named() -> None:
    assert learnt(0.11, [2.3, 2.3], steps=2).reason == "2 steps are too few"
    assert learnt(0.90, [2.3, 2.3], steps=2).verdict == "learns"
    few = learnt(1.0, [0.7, 0.6, 0.5, 0.5], Guessing(0.5, 4, 0.5))
    assert few.verdict == "cannot be told"
    assert (
        few.reason
        == "4 test samples are too few: guessing could get them all right by chance (0.50 ± 0.25)"
    )
    assert learnt(1.0, [0.7, 0.1, 0.1, 0.1], Guessing(1.0, 50, 1.0)).verdict == "cannot be told", (
        "one class only"
    )
    between = learnt(0.75, [0.7, 0.5, 0.4, 0.4], Guessing(0.58, 48, 0.58))
    assert between.verdict == "cannot be told"
    assert "0.75 of 48 test samples are right, guessing gets 0.58 ± 0.07" in between.reason


def test_seeds_that_have_not_learnt_are_counted() -> None:
    """Wrong: XOR "healthy" with 42 of 50 seeds not solved."""
    found = learning(
        trace(loss=np.array([1, 0.5, 0.5, 0.5])),
        Accuracies([0.5, 1.0, 0.5], Guessing(0.5, 100, 0.5)),
    )
    assert found.verdict == "has not learnt"
    assert found.seeds == ["has not learnt", "learns", "has not learnt"]
    assert found.reason.startswith(
        "2 of 3 seeds have not learnt, 1 learns: 0.50 is what guessing gets"
    )


@pytest.mark.parametrize(("accuracy", "chance"), [(0.0, 1.0), (1.0, 0.5**10), (0.9, 11 * 0.5**10)])
def test_the_chance_of_guessing_is_the_binomial_tail(accuracy: float, chance: float) -> None:
    assert Guessing(0.4, 10, 0.5).chance(accuracy) == pytest.approx(chance, rel=1e-12)


def test_a_loss_that_starts_at_0_is_judged_without_a_warning() -> None:
    found = trace()
    found.loss[:] = [0.0, 1.0, 2.0, 3.0][: found.loss.shape[1]]
    assert (
        learning(found, Accuracies([0.1] * len(found.loss), Guessing(0.1, 100, 0.1))).verdict
        == "diverged"
    )


def fitted(
    loss: float,
    error: float,
    training: list[float],
    *,
    samples: int = 89,
    guess_error: float = 0.11,
    steps: int = 50,
) -> Judgement:
    """The verdict on real targets whose test set has a variance of 1."""
    fit = Fit(
        loss=[loss] * SEEDS,
        error=[error] * SEEDS,
        guessing=1.01,
        best_guess=1.0,
        guess_error=guess_error,
    )
    recorded = tuple(np.linspace(0, steps - 1, len(training)).astype(int))
    return learning(trace(loss=np.array(training), steps=recorded), Fits(fit, samples), 1.0)


def test_a_network_that_learns_real_targets() -> None:
    found = fitted(0.57, 0.1, [1.2, 0.7, 0.55, 0.5])
    assert found.verdict == "learns"
    assert found.reason == (
        "R² is 0.43 (± 0.10) on the test set, where always saying the mean gets 0; the loss has "
        "fallen, 1.2 to 0.5"
    )


def test_a_network_that_always_says_the_mean_has_not_learnt_although_its_loss_fell() -> None:
    found = fitted(1.004, 0.01, [2.4, 1.2, 1.01, 1.0])
    assert found.verdict == "has not learnt"
    assert found.reason == (
        "R² is 0.00 (± 0.01) on the test set, no more than always saying the mean gets (0), after "
        "50 steps, though the loss has fallen, 2.4 to 1, what guessing gets is 1.00"
    )


def test_a_trace_of_noise_that_surely_fits_is_not_learning() -> None:
    """The mean, and a billionth of what a random network says: surely better than the mean, and by
    nothing.
    """
    assert fitted(1 - 1e-9, 1e-11, [2.4, 1.2, 1.01, 1.0]).verdict == "has not learnt"


def test_a_network_that_is_luckily_near_from_the_start_is_not_said_to_learn() -> None:
    found = fitted(0.9, 0.02, [0.9, 0.9, 0.9, 0.9])
    assert found.verdict == "cannot be told"
    assert found.reason == (
        "R² is 0.10 (± 0.02) on 89 test samples, where always saying the mean gets 0: it may "
        "be either"
    )


def test_real_targets_that_are_known_by_heart_are_not_learnt() -> None:
    found = fitted(1.6, 0.2, [1.2, 0.3, 0.01, 0.001])
    assert found.verdict == "has not learnt"
    assert found.reason.startswith(
        "R² is -0.60 (± 0.20) on the test set, no more than always saying the mean gets (0)"
    )


def test_of_few_test_samples_with_real_targets_nothing_can_be_told() -> None:
    few = fitted(0.0, 0.5, [1.0, 0.1, 0.01, 0.001], samples=3, guess_error=0.5)
    assert few.verdict == "cannot be told"
    assert (
        few.reason
        == "3 test samples are too few: always saying the mean could come as near by chance"
    )
    one = fitted(0.0, np.nan, [1.0, 0.1, 0.01, 0.001], samples=1, guess_error=np.nan)
    assert one.reason.startswith("1 test sample")
    assert fitted(0.8, 0.15, [1.2, 0.7, 0.55, 0.5], samples=20).verdict == "cannot be told"


def test_a_test_loss_that_is_not_finite_has_diverged() -> None:
    assert fitted(np.inf, np.nan, [1.0, 0.9, 0.9, 0.9]).verdict == "diverged"
