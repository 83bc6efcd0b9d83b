"""The interface of a wing: what one compiled step serves, what it costs to leave out the measuring,
seeds in groups.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from common import draw, task
from common.backend import Backend, Program, side_by_side, train
from common.network import Batch, State
from common.plan import Plan
from experiments.working import Job, Worker
from tests.compared import scaled_error
from tests.conftest import load

COMPILES = {"torch": 0, "keras": 1, "jax": 1}
# JAX compiles the gradient by itself
COMPILES_FOR_ANOTHER_CLIPPING = {
    "torch": 0,
    "keras": 1,
    "jax": 0,
}
CLIPPINGS = ["none", "value", "norm", "global_norm"]

over_clippings = pytest.mark.parametrize("clipping", CLIPPINGS)
Maker = Callable[..., Plan]


def numbered(
    plan: Maker, kind: str, rate: float, threshold: float, slope: float, **changes: Any
) -> Plan:
    """A plan with these values for the numbers that are inputs of a compiled step."""
    clipping = {"kind": kind} | ({} if kind == "none" else {"threshold": threshold})
    activation = {"kind": "leaky_relu", "slope": slope}
    return plan(
        features=64,
        classes=10,
        activation=activation,
        clipping=clipping,
        learning_rate=rate,
        **changes,
    )


def batches_of(plan: Plan) -> list[Batch]:
    return list(draw.batches(plan, task.load(plan.task)))


def after_a_step(program: Program, plan: Plan) -> tuple[dict[str, np.ndarray], State]:
    program.load(draw.state(plan), plan)
    handle = program.step(batches_of(plan)[0])
    return program.measured(handle), program.state()


@over_clippings
def test_plans_that_differ_in_numbers_share_one_compiled_step(
    backend: Backend, definition: Backend, plan: Maker, clipping: str
) -> None:
    depth = 20 + CLIPPINGS.index(clipping)  # one that nothing else has compiled in this process
    first = numbered(plan, clipping, 0.1, 0.02, 0.01, depth=depth)
    second = numbered(plan, clipping, 0.3, 0.005, 0.2, depth=depth)
    program = backend.program(first, "cpu")
    for each in (first, second, first):
        (found, state), (expected, reference) = (
            after_a_step(program, each),
            after_a_step(definition.program(each, "cpu"), each),
        )
        for name, value in expected.items():
            assert np.allclose(found[name], value, rtol=1e-9, atol=1e-14), name
        for name, value in reference.parameters.items():
            assert scaled_error(state.parameters[name], value) <= 1e-13, f"{name} after the step"
    assert program.traces == COMPILES[backend.name]


def test_inputs_reach_the_first_layer_with_all_their_digits(backend: Backend, plan: Maker) -> None:
    one = numbered(plan, "none", 0.1, 0.02, 0.01)
    program = backend.program(one, "cpu")
    batch = batches_of(one)[0]
    assert not np.array_equal(batch.x, batch.x.astype(np.float32)), "float32 does not have them"
    gradients = []
    for x in (batch.x, batch.x.astype(np.float32).astype(float)):
        program.load(draw.state(one))
        program.step(Batch(x, batch.y))
        gradients.append(program.gradients().parameters["first.weight"])
    assert not np.array_equal(*gradients), "the inputs were rounded to float32"


def test_a_later_step_of_a_run_is_the_step_by_itself(backend: Backend, plan: Maker) -> None:
    one = numbered(plan, "none", 0.1, 0.02, 0.01, steps=8)
    program = backend.program(one, "cpu")
    before = []
    after = []
    program.load(draw.state(one))
    for batch in batches_of(one):
        before.append(program.state())
        program.step(batch)
        after.append(program.state())
    for step, batch in enumerate(batches_of(one)):
        program.load(before[step])
        program.step(batch)
        for name, value in program.state().parameters.items():
            assert np.array_equal(value, after[step].parameters[name]), (
                f"in the run, step {step}: {name} after the step"
            )


def test_a_run_says_how_often_its_step_was_traced(backend: Backend, plan: Maker) -> None:
    worker = Worker(backend, threads=1, imports=0.0)
    first, second = (numbered(plan, "value", rate, 1.0, 0.01, depth=19) for rate in (0.1, 0.2))
    other = numbered(plan, "norm", 0.1, 1.0, 0.01, depth=19)
    traces = [
        worker.run(Job(run_id="x", plan=one, device="cpu")).header.traces
        for one in (first, second, other)
    ]
    assert traces == [COMPILES[backend.name], 0, COMPILES_FOR_ANOTHER_CLIPPING[backend.name]]


@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_without_measuring_a_step_is_the_same_step(
    backend: Backend, plan: Maker, normalization: str
) -> None:
    one = numbered(plan, "norm", 0.1, 0.02, 0.01, normalization=normalization)
    (all_of_it, after), (loss, bare) = (
        after_a_step(backend.program(one, "cpu", measure=measure), one) for measure in (True, False)
    )
    assert loss.keys() == {"loss"}
    assert np.allclose(loss["loss"], all_of_it["loss"], rtol=1e-14)
    for kind in ("parameters", "statistics"):
        for name, value in getattr(after, kind).items():
            assert scaled_error(getattr(bare, kind)[name], value) <= 1e-14, name


def test_an_update_too_small_to_move_a_float32_weight_has_its_ratio_all_the_same(
    backend: Backend, plan: Maker
) -> None:
    one = numbered(plan, "value", 1e-12, 1e-3, 0.01, precision="float32")
    start = draw.state(one)
    found, after = after_a_step(backend.program(one, "cpu"), one)
    size = {
        name: np.sqrt((start.parameters[name] ** 2).mean((2, 3))) for name in one.network.weights
    }
    expected = (
        1e-12 * found["clipped_weight_gradient_rms"] / np.concatenate([*size.values()], axis=1)
    )
    assert np.allclose(found["update_ratio"], expected, rtol=1e-5, atol=0)
    assert (found["update_ratio"] > 0).all()
    for name in one.network.weights:
        assert np.array_equal(after.parameters[name], start.parameters[name].astype(np.float32))


@pytest.mark.parametrize("record_every", [1, 3])
def test_quantities_that_wait_on_the_device_are_those_of_their_step(
    backend: Backend, plan: Maker, monkeypatch: pytest.MonkeyPatch, record_every: int
) -> None:
    one = numbered(plan, "norm", 0.1, 0.02, 0.01, steps=8, record_every=record_every)
    program = backend.program(one, "cpu")
    traces = []
    for steps in (1, 5):
        monkeypatch.setattr("common.backend.STEPS_OF_A_FETCH", steps)
        program.load(draw.state(one))
        traces.append(train(program, one, batches_of(one)).trace)
    at_once, later = traces
    assert np.array_equal(at_once.steps, later.steps)
    assert np.array_equal(at_once.loss, later.loss)
    for name, value in later.quantities.items():
        assert np.array_equal(at_once.quantities[name], value), name


def test_groups_of_seeds_together_are_all_seeds(definition: Backend, plan: Maker) -> None:
    whole = numbered(plan, "norm", 0.1, 0.02, 0.01, seeds=(3, 1, 4, 5))

    def trained(some: Plan) -> Any:
        program = definition.program(some, "cpu")
        program.load(draw.state(some))
        return train(program, some, batches_of(some))

    together = trained(whole)
    joined = side_by_side(
        [trained(whole.model_copy(update={"seeds": seeds})) for seeds in ((3, 1), (4, 5))]
    )
    assert np.array_equal(joined.trace.steps, together.trace.steps)
    assert np.allclose(joined.trace.loss, together.trace.loss, rtol=1e-13)
    for name, value in together.trace.quantities.items():
        assert np.allclose(joined.trace.quantities[name], value, rtol=1e-10), name


def test_a_run_whose_seeds_do_not_fit_the_cache_together_is_that_of_each_seed(
    definition: Backend, plan: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(definition, threads=1, imports=0.0)
    one = numbered(plan, "value", 0.1, 0.02, 0.01, seeds=(3, 1, 4, 5))
    job = Job(run_id="x", plan=one, device="cpu")
    together = worker.run(job)
    steps = []
    monkeypatch.setattr("common.plan.CACHED_BYTES", 2 * 8 * one.network.parameter_count())
    apart = worker.run(job, steps.append)
    assert (together.header.seeds_at_once, apart.header.seeds_at_once) == (4, 2)
    assert steps == sorted(steps)
    assert steps[-1] == one.steps
    assert np.allclose(apart.trace.loss, together.trace.loss, rtol=1e-13)
    assert apart.header.accuracy == together.header.accuracy


@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_keras_looped_is_keras_unrolled(
    request: pytest.FixtureRequest, plan: Maker, monkeypatch: pytest.MonkeyPatch, normalization: str
) -> None:
    keras = load("keras", request.config)
    one = numbered(plan, "norm", 0.1, 0.02, 0.01, normalization=normalization, depth=7)
    unrolled = after_a_step(keras.program(one, "cpu"), one)
    monkeypatch.setattr("backends.keras.network.UNROLLED_DEPTH", 6)
    looped = after_a_step(keras.program(one, "cpu"), one)
    for name, value in unrolled[0].items():
        assert np.allclose(looped[0][name], value, rtol=1e-10, atol=1e-15), name
    for name, value in unrolled[1].parameters.items():
        assert scaled_error(looped[1].parameters[name], value) <= 1e-13, name
