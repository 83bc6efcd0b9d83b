"""Single steps of a wing from the definition's states, as `compare` judges them, for the tests."""

from __future__ import annotations

from functools import lru_cache

import backends
from common import draw, task
from common.agreement import Judge
from common.backend import Backend, Program
from common.network import State
from common.plan import Plan
from common.trace import Check
from experiments import judging, references
from experiments.judging import watched

FOR_EACH_WING = lru_cache(maxsize=4)
"""What the definition computes of a plan is kept while the cases of the three wings follow one
another (tests/conftest.py)."""


def states_of(definition: Backend, plan: Plan, steps: list[int]) -> dict[int, State]:
    """The definition's states before some steps of its run."""
    program = definition.program(plan, "cpu", measure=False)
    states = {}
    program.load(draw.state(plan))
    for batch in watched(program, draw.batches(plan, task.load(plan.task)), steps, states):
        program.step(batch)
    return states


def judged(wing: Program, plan: Plan, steps: list[int]) -> list[Check]:
    """A wing's steps from the definition's states, those from where the definition goes on to be
    finite.
    """
    return judging.checks(wing, plan, task.load(plan.task), _judges(plan.model_dump_json(), *steps))


@FOR_EACH_WING
def _judges(plan: str, *steps: int) -> list[Judge]:
    """Of a plan as JSON."""
    read = Plan.model_validate_json(plan)
    return references.judges(
        read, task.load(read.task), states_of(backends.load(backends.DEFINITION), read, list(steps))
    )


def assert_none_is_broken(checks: list[Check], at_least: int) -> None:
    broken = [check.reason for check in checks if check.outcome == "broken"]
    assert not broken, "\n".join(map(str, broken))
    seen = [check for check in checks if check.outcome == "agrees"]
    assert len(seen) >= at_least, (
        f"{len(seen)} of {len(checks)} steps could be judged: {[check.reason for check in checks]}"
    )
