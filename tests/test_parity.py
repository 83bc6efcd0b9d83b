"""Parity: whole networks, 50 layers deep, in the three frameworks against the definition.

Networks are narrow, so that the suite stays fast; the depth is what makes errors grow. A failure is
the product's own sentence: which array of which parameter, layer, seed and step is beyond its
bound.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest

import backends
from common import draw, task
from common.backend import Backend, train
from common.countermeasures.activation import Activation
from common.free_run import free_run
from common.network import Batch, State
from common.plan import Plan
from common.step import SIGNAL, largest
from common.trace import Trace
from experiments import judging, references
from experiments.sensitivity import sensitivity
from tests.compared import scaled_error
from tests.deep_wings import (
    PAIRINGS,
    STEPS,
    Maker,
    by_turns,
    deep,
    over_normalizations,
    over_optimizers,
)
from tests.stepwise import FOR_EACH_WING, assert_none_is_broken, judged, states_of

__all__ = ["deep"]


WINGS_TOGETHER = True
"""One after another they ask the definition once (tests/conftest.py)."""


@pytest.mark.parametrize(("activation", "normalization", "clipping", "start"), PAIRINGS)
def test_the_first_step_and_a_later_one_are_the_definitions(
    backend: Backend,
    deep: Maker,
    activation: Activation,
    normalization: str,
    clipping: str,
    start: Any,
) -> None:
    plan = deep(clipping, activation=activation, normalization=normalization, initialization="he")
    wing = backend.program(plan, "cpu")
    assert_none_is_broken(judged(wing, plan, [0, STEPS - 1]), at_least=2)
    other = deep(clipping, activation=activation, normalization=normalization, initialization=start)
    assert_none_is_broken(judged(wing, other, [0]), at_least=1)


@over_optimizers
@over_normalizations
def test_the_steps_of_every_optimizer_are_the_definitions(
    backend: Backend, deep: Maker, normalization: str, optimizer: str
) -> None:
    own = {"optimizer": {"kind": optimizer}, "learning_rate": None}
    plan = deep("global_norm", activation="tanh", normalization=normalization, **own)
    checks = judged(backend.program(plan, "cpu"), plan, [0, 1, STEPS - 1])
    assert_none_is_broken(checks, at_least=3)


@over_optimizers
def test_the_float32_steps_of_every_optimizer_are_the_definitions(
    backend: Backend, deep: Maker, optimizer: str
) -> None:
    own = {"optimizer": {"kind": optimizer}, "learning_rate": None}
    plan = deep(
        "value",
        activation="relu",
        initialization="he",
        depth=20,
        batch_size=64,
        precision="float32",
        **own,
    )
    checks = judged(backend.program(plan, "cpu"), plan, [0, 1, STEPS - 1])
    assert_none_is_broken(checks, at_least=2)


@by_turns
def test_a_float32_step_is_the_definitions(
    backend: Backend, deep: Maker, activation: Activation, normalization: str
) -> None:
    # deeper, rounding in float32 leaves little to compare
    depth = 10 if normalization == "batch" else 20
    changes = {
        "activation": activation,
        "normalization": normalization,
        "initialization": "he",
        "precision": "float32",
    }
    plan = deep("norm", **changes, depth=depth, batch_size=64)
    assert_none_is_broken(judged(backend.program(plan, "cpu"), plan, [0, STEPS - 1]), at_least=1)


def trace(wing: Backend, plan: Plan) -> Trace:
    program = wing.program(plan, "cpu")
    program.load(draw.state(plan))
    return train(program, plan, list(draw.batches(plan, task.load(plan.task)))).trace


@FOR_EACH_WING
def _free(plan: str) -> tuple[Trace, Any]:
    """The definition's free run of a plan as JSON, and its sensitivity."""
    read = Plan.model_validate_json(plan)
    exact = trace(backends.load(backends.DEFINITION), read)
    return exact, sensitivity([read], task.load(read.task), [exact])


@by_turns
def test_free_runs_stay_within_their_bound_until_they_are_chaotic(
    backend: Backend, deep: Maker, activation: Activation, normalization: str
) -> None:
    plan = deep(
        "value", activation=activation, normalization=normalization, initialization="he", steps=50
    )
    found = free_run(plan, trace(backend, plan), *_free(plan.model_dump_json()))
    assert found.outcome != "broken", found.reason
    assert found.step is None or found.step >= 2, "at least two steps are compared"


@by_turns
def test_bounds_are_narrow(
    definition: Backend, deep: Maker, activation: Activation, normalization: str
) -> None:
    plan = deep("none", activation=activation, normalization=normalization, initialization="he")
    (judge,) = references.judges(plan, task.load(plan.task), states_of(definition, plan, [0]))
    (batch,) = islice(draw.batches(plan, task.load(plan.task)), 1)
    step = judging.take(definition.program(plan, "cpu"), judge.before, batch, batch.x[0], plan)
    shares = judge.bounds[SIGNAL] / largest(step.gradients.signal)
    assert judge.blind is None
    assert shares.max() <= (1e-6 if normalization == "batch" else 2e-10)


@pytest.mark.parametrize("record_every", [1, 7])
@over_normalizations
def test_the_quantities_of_a_run_are_the_definitions(
    backend: Backend, definition: Backend, deep: Maker, normalization: str, record_every: int
) -> None:
    plan = deep(
        "norm",
        activation="prelu",
        normalization=normalization,
        depth=8,
        steps=10,
        record_every=record_every,
    )
    traces = []
    for wing in (backend, definition):
        one = wing.program(plan, "cpu")
        one.load(draw.state(plan))
        traces.append(train(one, plan, draw.batches(plan, task.load(plan.task))).trace)
    found, expected = traces
    assert (
        found.steps.tolist() == expected.steps.tolist() == sorted({*range(0, 10, record_every), 9})
    )
    assert scaled_error(found.loss, expected.loss) <= 1e-9
    for name, value in expected.quantities.items():
        assert found.quantities[name].shape == (2, len(found.steps), 8)
        # each [seed, step, layer] scaled by itself
        assert np.allclose(found.quantities[name], value, rtol=1e-9, atol=1e-13), name


@over_normalizations
def test_seeds_side_by_side_are_the_seeds_one_by_one(
    backend: Backend, deep: Maker, normalization: str
) -> None:
    together = deep(
        "global_norm",
        activation="prelu",
        normalization=normalization,
        depth=6,
        seeds=(0, 1, 2),
        steps=3,
    )
    program = backend.program(together, "cpu")
    program.load(draw.state(together))
    for batch in batches_of(together):
        program.step(batch)
    for i, seed in enumerate(together.seeds):
        alone = together.model_copy(update={"seeds": (seed,)})
        single = backend.program(alone, "cpu")
        single.load(draw.state(alone))
        for batch in batches_of(alone):
            single.step(batch)
        found = program.state()
        expected = single.state()
        for name, value in (expected.parameters | expected.statistics).items():
            all_seeds = (found.parameters | found.statistics)[name]
            assert scaled_error(all_seeds[i : i + 1], value) <= 1e-12, name


def batches_of(plan: Plan) -> list[Batch]:
    return list(draw.batches(plan, task.load(plan.task)))


def test_a_planted_fault_in_one_weight_is_named(backend: Backend, deep: Maker) -> None:
    plan = deep("none", activation="tanh", depth=10, steps=1)
    wing = backend.program(plan, "cpu")
    data = task.load(plan.task)
    (judge,) = references.judges(plan, data, {0: draw.state(plan)})
    (clean,) = judging.checks(wing, plan, data, [judge])
    assert clean.outcome == "agrees"
    load = wing.load

    def load_wrongly(state: State, plan: Plan | None = None) -> None:
        moved = state.parameters["hidden.weight"].copy()
        moved[1, 3, 0, 0] += 1e-9
        load(replace(state, parameters=state.parameters | {"hidden.weight": moved}), plan)

    wing.load = load_wrongly
    (check,) = judging.checks(wing, plan, data, [judge])
    assert check.outcome == "broken"
    assert check.where == "loss, seed 1", "what is computed first is named"
    assert check.reason
    assert check.reason.startswith("loss, seed 1, step 0: error ")
