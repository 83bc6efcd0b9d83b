"""Evaluation of the whole test set, and steps in the run: faults that no single step from a state
shows.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.numpy.monte_carlo import Random
from backends.numpy.training import Program as Definition
from common import agreement, draw, task
from common.backend import Backend, train
from common.network import State
from common.plan import Plan
from common.step import EVALUATION, Key, largest
from experiments import judging, references
from tests import pairs
from tests.judged import Maker, judge_of, small


class Confuses:
    """The definition, wrong in evaluation for one sample of the test set, which the draws do not
    evaluate.
    """

    def __init__(self, program: Any) -> None:
        self.program = program

    def __getattr__(self, name: str) -> Any:
        return getattr(self.program, name)

    def predict(self, x: np.ndarray) -> np.ndarray:
        logits = self.program.predict(x)
        logits[1, 5] *= 1.001
        return logits


def test_one_wrong_sample_of_the_whole_test_set_is_named(definition: Backend, plan: Maker) -> None:
    one = small(plan, steps=1)
    data = task.load(one.task)
    judges = references.judges(one, data, {0: draw.state(one)})
    assert 5 not in judging.evaluated(data)
    (check,) = judging.checks(definition.program(one, "cpu"), one, data, judges)
    assert check.outcome == "agrees"
    wrong: Any = Confuses(definition.program(one, "cpu"))
    (check,) = judging.checks(wrong, one, data, judges)
    assert (check.outcome, check.where) == ("broken", "evaluation output of test sample 5, seed 1")


@pytest.mark.parametrize(("share", "seen"), [(1e-9, True), (0.4, True), (0.6, False)])
def test_the_bound_on_all_samples_bounds_something_wherever_that_on_the_drawn_ones_does(
    definition: Backend, plan: Maker, share: float, seen: bool
) -> None:
    one = small(plan, steps=1)
    judge = judge_of(one)
    program = definition.program(one, "cpu")
    x_test = task.load(one.task).x_test
    program.load(draw.state(one))
    expected = program.predict(np.broadcast_to(x_test, (len(one.seeds), *x_test.shape)))
    key = Key(EVALUATION)
    wide = replace(judge, bounds=judge.bounds | {key: share * largest(expected[:, None])})
    found = expected.copy()
    found[1, 5] += 0.7 * np.abs(expected[1]).max()
    check = wide.check_all_samples(found, expected, np.arange(len(x_test)), one, nothing_more)
    assert check.outcome == ("broken" if seen else "agrees")


def nothing_more(samples: np.ndarray) -> np.ndarray:
    """Draws of samples that show nothing."""
    return np.zeros((2, len(samples)))


@pytest.mark.parametrize(
    ("wrong", "outcome"),
    [(1, "agrees"), (agreement.AGAIN, "agrees"), (agreement.AGAIN + 1, "broken")],
)
def test_a_few_samples_that_are_more_sensitive_than_others_are_drawn_themselves(
    definition: Backend, plan: Maker, wrong: int, outcome: str
) -> None:
    one = small(plan, steps=1)
    judge = judge_of(one)
    x_test = task.load(one.task).x_test
    program = definition.program(one, "cpu")
    program.load(draw.state(one))
    expected = program.predict(np.broadcast_to(x_test, (len(one.seeds), *x_test.shape)))
    found = expected.copy()
    found[1, :wrong] += 1e-6
    asked: list[int] = []

    def redraw(samples: np.ndarray) -> np.ndarray:
        asked.extend(samples)
        return np.full((2, len(samples)), 1e-5)

    drawn = judging.evaluated(task.load(one.task))
    assert judge.check_all_samples(found, expected, drawn, one, redraw).outcome == outcome
    assert asked == (list(range(wrong)) if outcome == "agrees" else [])
    assert judge.check_all_samples(found, expected, drawn, one, nothing_more).outcome == "broken"


def test_a_sample_a_million_times_as_sensitive_is_no_fault(tmp_path: Path) -> None:
    """Wrong: 50 layers with batch norm and a highway, one of 360 test samples of 6.8e3 beside 0.29:
    "broken" in all wings.
    """
    case: dict[str, Any] = next(
        one
        for one in pairs.cases()
        if one.get("skip") == "highway"
        and one["normalization"].kind == "batch"
        and one["activation"].kind == "leaky_relu"
        and one["optimizer"].kind == "adamw"
    )
    hard = pairs.plan_of(case, tmp_path)
    data = task.load(hard.task)
    program = Definition(hard)
    states = {}
    program.load(draw.state(hard))
    for batch in judging.watched(program, draw.batches(hard, data), [hard.steps - 1], states):
        program.step(batch)
    judges = references.judges(hard, data, states)
    noisy = Definition(hard, rounding=Random("float64", 99))
    (check,) = judging.checks(noisy, hard, data, judges)
    assert check.outcome == "agrees", check.reason


class Keeps:
    """The definition with a fault that no single step shows: each step but the first after loading
    starts from old weights.
    """

    def __init__(self, program: Any) -> None:
        self.program = program
        self.stale = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.program, name)

    def load(self, state: State, plan: Plan | None = None) -> None:
        self.stale = None
        self.program.load(state, plan)

    def step(self, batch: Any) -> Any:
        if self.stale is not None:
            self.program.parameters = self.stale
        self.stale = dict(self.program.parameters)
        return self.program.step(batch)


class Slows(Keeps):
    """Its rate is halved from the third step on."""

    def load(self, state: State, plan: Plan | None = None) -> None:
        self.count = 0
        self.program.load(state, plan)

    def step(self, batch: Any) -> Any:
        self.count += 1
        if self.count == 3:
            optimizer = self.program.plan.optimizer
            halved = optimizer.model_copy(update={"learning_rate": optimizer.learning_rate / 2})
            self.program.plan = self.program.plan.model_copy(update={"optimizer": halved})
        return self.program.step(batch)


class Late(Keeps):
    """What it measured is that of the step before the fetch."""

    def step(self, batch: Any) -> Any:
        self.found = self.program.step(batch)
        return {}

    def measured(self, handle: Any) -> dict[str, np.ndarray]:
        return self.program.measured(self.found)


@pytest.mark.parametrize(
    ("program", "record_every", "steps"),
    [
        *((None, every, []) for every in (1, 3, 10)),
        (Keeps, 1, [1, 2, 4]), (Keeps, 3, [2, 3, 4]), (Keeps, 10, [2, 4]),
        (Slows, 1, [2, 4]), (Slows, 3, [2, 3, 4]), (Slows, 10, [2, 4]),
        (Late, 1, [1, 2]), (Late, 3, [3]), (Late, 10, []),
    ],
)  # fmt: skip
def test_what_a_program_keeps_beside_its_state_is_seen_in_the_run(
    definition: Backend, plan: Maker, program: Any, record_every: int, steps: list[int]
) -> None:
    one = small(plan, normalization="batch", activation="relu", steps=5, record_every=record_every)
    data = task.load(one.task)
    wing = definition.program(one, "cpu")
    wing = program(wing) if program else wing
    wing.load(draw.state(one))
    states: dict[int, State] = {}
    trace = train(wing, one, judging.watched(wing, draw.batches(one, data), range(5), states)).trace
    states[5] = wing.state()
    drifts = judging.drifts(wing, one, data, judging.Kept(trace, states))
    assert [(check.step, check.outcome) for check in drifts] == [(step, "broken") for step in steps]
    judges = references.judges(one, data, {0: draw.state(one)})
    assert [check.outcome for check in judging.checks(wing, one, data, judges)] == ["agrees"], (
        "a single step does not show it"
    )
