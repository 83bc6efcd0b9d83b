"""What a trained network gets on the test set, in evaluation mode."""

from __future__ import annotations

import numpy as np

from common import task
from common.backend import Program
from common.countermeasures.loss import guessing, predicted
from common.plan import Plan
from common.trace import Fit


def accuracy(program: Program, plan: Plan, data: task.Data) -> list[float]:
    """The share of test samples whose class is found, one number a seed."""
    found = predicted(plan.network.loss, _outputs(program, plan, data))
    return [float(share) for share in (found == data.y_test).mean(1)]


def squared_errors(program: Program, plan: Plan, data: task.Data) -> np.ndarray:
    """The squared errors [seed, sample] of real targets, the mean over the targets of a sample."""
    with np.errstate(over="ignore", invalid="ignore"):
        return ((_outputs(program, plan, data) - data.y_test) ** 2).mean(-1)


def fit(errors: np.ndarray, data: task.Data) -> Fit:
    """How near a network comes to real targets, given its squared errors [seed, sample]."""
    return fit_of(errors, data.y_train, data.y_test)


def fit_of(errors: np.ndarray, y_train: np.ndarray, y_test: np.ndarray) -> Fit:
    """The same, given the targets [sample, target]."""
    guessed, best = (((y_test - y.mean(0)) ** 2).mean(-1) for y in (y_train, y_test))
    with np.errstate(over="ignore", invalid="ignore"):
        nearer = [standard_error(best - one) for one in errors]
        loss = errors.mean(1)
    return Fit(
        loss=loss.tolist(),
        error=nearer,
        guessing=float(guessed.mean()),
        best_guess=float(best.mean()),
        guess_error=standard_error(best),
    )


def guessing_loss(plan: Plan, data: task.Data) -> float:
    """The training loss of an answer that does not look at the sample, the best one."""
    return (
        guessing(plan.network.loss, data.shares)
        if data.classes
        else float(data.y_train.var(0).mean())
    )


def standard_error(values: np.ndarray) -> float:
    """Of the mean of values [sample]; NaN of a single one."""
    count = len(values)
    return float(values.std(ddof=1) / np.sqrt(count)) if count > 1 else float("nan")


def _outputs(program: Program, plan: Plan, data: task.Data) -> np.ndarray:
    """[seed, sample, output]."""
    return program.predict(np.broadcast_to(data.x_test, (len(plan.seeds), *data.x_test.shape)))
