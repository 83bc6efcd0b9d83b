"""Judging: single steps of a wing from the definition's own states.

They are compared with the definition's (common/agreement.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import numpy as np

from backends.numpy.monte_carlo import Random
from backends.numpy.training import Program as Definition
from common import draw
from common.agreement import DRAWS, Judge, T, judged_steps
from common.apart import with_another
from common.backend import Program
from common.network import Batch, State
from common.plan import Plan
from common.step import Step, distance
from common.task import Data
from common.trace import Check, Trace


@dataclass(frozen=True)
class Kept:
    """What is kept of a free run: its trace, its states before some steps and after the last."""

    trace: Trace
    states: dict[int, State]

    def after(self, step: int) -> dict[str, np.ndarray]:
        """What a step gave: the state after it and, if it was recorded, what was measured."""
        state = self.states[step + 1]
        recorded = np.flatnonzero(self.trace.steps == step)
        found = _named(state)
        if recorded.size:
            found["loss"] = self.trace.loss[:, recorded[0]]
            found |= {name: a[:, recorded[0]] for name, a in self.trace.quantities.items()}
        return found


def _named(state: State) -> dict[str, np.ndarray]:
    """All arrays of a state."""
    return state.parameters | state.statistics | state.optimizer


EVALUATED = 32
"""The draws evaluate so many samples of the test set, evenly over it."""


def evaluated(data: Data) -> np.ndarray:
    """Which samples of the test set are drawn."""
    count = len(data.x_test)
    return np.linspace(0, count - 1, min(EVALUATED, count)).round().astype(int)


def take(program: Program, before: State, batch: Batch, x_test: np.ndarray, plan: Plan) -> Step:
    """One step from a state.

    Args:
        program: Of the plan's structure.
        before: The state.
        batch: The step's.
        x_test: [sample, features].
        plan: Of the seeds.
    """
    program.load(before, plan)
    quantities = program.measured(program.step(batch))
    gradients = replace(program.gradients(), loss=quantities.pop("loss"))
    return Step(gradients, program.state(), quantities, logits(program, x_test, plan))


def logits(program: Program, x_test: np.ndarray, plan: Plan) -> np.ndarray:
    """What a program says of samples [sample, features], the same to every seed."""
    return program.predict(np.broadcast_to(x_test, (len(plan.seeds), *x_test.shape)))


def watched(
    program: Program, batches: Iterable[Batch], steps: Iterable[int], states: dict[int, State]
) -> Iterator[Batch]:
    """The batches of a run; before some of its steps its state is put into `states`."""
    chosen = set(steps)
    for step, batch in enumerate(batches):
        if step in chosen:
            states[step] = program.state()
        yield batch


def batch_of(plan: Plan, data: Data, step: int) -> Batch:
    """The batch of one step of a run."""
    return next(islice(draw.batches(plan, data), step, None))


def checks(program: Program, plan: Plan, data: Data, judges: list[Judge]) -> list[Check]:
    """A framework's steps from the definition's states, compared."""
    definition = Definition(plan)
    if not judges:
        return [_without_definition(program, plan, data)]
    found = []
    drawn = evaluated(data)
    for judge in judges:
        batch = batch_of(plan, data, judge.step)
        expected = take(definition, judge.before, batch, data.x_test[drawn], plan)
        # one shape of evaluation is compiled, that of all samples
        step = take(program, judge.before, batch, data.x_test, plan)
        found.append(judge.check(replace(step, logits=step.logits[:, drawn]), expected, plan))
        if judge.everywhere is not None and found[-1].outcome != "broken":
            redraw = partial(
                _bounds_of_samples, plan, judge.before, batch, data.x_test, judge.everywhere
            )
            everywhere = judge.check_all_samples(step.logits, judge.everywhere, drawn, plan, redraw)
            found[-1] = everywhere if everywhere.outcome == "broken" else found[-1]
    return found


def _bounds_of_samples(
    plan: Plan,
    before: State,
    batch: Batch,
    x_test: np.ndarray,
    expected: np.ndarray,
    samples: np.ndarray,
) -> np.ndarray:
    """Bounds [seed, sample] on the evaluation of some samples, by draws of step and evaluation."""
    rms = np.zeros((len(plan.seeds), len(samples)))
    for seed in range(DRAWS):
        program = Definition(plan, measure=False, rounding=Random(plan.precision, seed))
        found = take(program, before, batch, x_test[samples], plan).logits
        rms = with_another(rms, distance(found, expected[:, samples]))
    return T * rms


def taken_again(plan: Plan) -> list[int]:
    """Which steps of a free run are taken again.

    The judged ones, and the first recorded one that is fetched later.
    """
    later = next((step for step in range(1, plan.steps) if plan.recorded(step)), 0)
    return sorted({*judged_steps(plan.steps), later})


def drifts(program: Program, plan: Plan, data: Data, run: Kept) -> list[Check]:
    """Steps of the free run that differ, bit by bit, from the same steps from its states.

    These are fetched and loaded.

    A single step cannot show what a program keeps beside its state, such as old weights, an old
    batch, a momentum or a rate that falls; a free run shows it only where it is not chaotic. The
    same instructions on the same numbers give the same bits, so that nothing is tolerated here;
    where they do not even twice, as where an accelerator adds in any order, nothing is said.
    """
    found = []
    for step in taken_again(plan):
        alone = _alone(program, plan, data, step, run)
        in_the_run = run.after(step)
        where = _differing(in_the_run, alone)
        if where and not _differing(_alone(program, plan, data, step, run), alone):
            reason = f"{where}, step {step}: in the run it is not what the step by itself gives"
            found.append(
                Check(step=step, outcome="broken", reason=reason, error=1.0, bound=0.0, where=where)
            )
    return found


def _alone(program: Program, plan: Plan, data: Data, step: int, run: Kept) -> dict[str, np.ndarray]:
    """What a step from a state of the run gives."""
    program.load(run.states[step], plan)
    measured = program.measured(program.step(batch_of(plan, data, step)))
    return measured | _named(program.state())


def _differing(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> str:
    """The first array that is not the same; empty where all are."""
    return next(
        (name for name, value in a.items() if not np.array_equal(value, b[name], equal_nan=True)),
        "",
    )


def nothing_to_compare_with() -> Check:
    """What is said of a run whose references there are not."""
    reason = "the definition's run failed, so that there is nothing to compare with"
    return Check(step=0, outcome="cannot be judged", reason=reason, error=0.0, bound=0.0, where="")


def _without_definition(program: Program, plan: Plan, data: Data) -> Check:
    """The first step of a plan whose definition is not finite there."""
    step = take(program, draw.state(plan), batch_of(plan, data, 0), data.x_test, plan)
    finite = bool(
        np.isfinite(step.gradients.loss).all() and np.isfinite(step.gradients.signal).all()
    )
    reason = "the definition is not finite at the first step" + (
        ", and this run is" if finite else ""
    )
    outcome = "broken" if finite else "cannot be judged"
    return Check(
        step=0,
        outcome=outcome,
        reason=reason,
        error=np.inf if finite else 0.0,
        bound=0.0,
        where="loss",
    )
