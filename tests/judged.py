"""Single steps of the definition and their judges, and a step with one number moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import settings

from common import draw, task
from common.agreement import Judge
from common.backend import Backend
from common.plan import Plan
from common.step import Key, Step
from experiments import judging, references

QUICK = settings(max_examples=60, deadline=None)
Maker = Callable[..., Plan]


def judge_of(plan: Plan, step: int = 0) -> Judge:
    (judge,) = references.judges(plan, task.load(plan.task), {step: draw.state(plan)})
    return judge


def step_of(definition: Backend, plan: Plan) -> Step:
    data = task.load(plan.task)
    batch = next(draw.batches(plan, data))
    return judging.take(
        definition.program(plan, "cpu"),
        draw.state(plan),
        batch,
        data.x_test[judging.evaluated(data)],
        plan,
    )


def small(plan: Maker, **changes: Any) -> Plan:
    return plan(**({"features": 64, "classes": 10, "depth": 5, "width": 8} | changes))


def moved(step: Step, key: Key, index: tuple[int, ...], by: float) -> Step:
    """The step with one element of one of its arrays moved."""

    def changed(a: np.ndarray) -> np.ndarray:
        a = a.copy()
        a[index] += by
        return a

    gradients, state = step.gradients, step.state
    match key.what:
        case "loss":
            return replace(step, gradients=replace(gradients, loss=changed(gradients.loss)))
        case "signal gradient":
            return replace(step, gradients=replace(gradients, signal=changed(gradients.signal)))
        case "gradient":
            new = gradients.parameters | {key.name: changed(gradients.parameters[key.name])}
            return replace(step, gradients=replace(gradients, parameters=new))
        case "clipped gradient":
            new = gradients.clipped | {key.name: changed(gradients.clipped[key.name])}
            return replace(step, gradients=replace(gradients, clipped=new))
        case "value after the step":
            new = state.parameters | {key.name: changed(state.parameters[key.name])}
            return replace(step, state=replace(state, parameters=new))
        case "running value":
            new = state.statistics | {key.name: changed(state.statistics[key.name])}
            return replace(step, state=replace(state, statistics=new))
        case "evaluation output":
            return replace(step, logits=changed(step.logits))
    return replace(
        step, quantities=step.quantities | {key.what: changed(step.quantities[key.what])}
    )
