"""Ordinary models: the network of any plan, as who knows a framework writes it, is the
definition's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from common.backend import Backend
from common.countermeasures.activation import Identity
from common.placement import TRANSPOSED, Kept
from common.plan import Plan
from tests.compared import scaled_error
from tests.conftest import load
from tests.modelled import (
    BOUND,
    CASES,
    ROOMS,
    TIMED,
    Maker,
    apart,
    defined,
    model_of,
    planned,
    samples_of,
    start_and_batches,
)
from tests.ordinary import form, module_of
from tests.strategies import label

__all__ = ["form"]


def named(case: dict[str, Any]) -> str:
    return "-".join(label(case[room]) for room in (*ROOMS, "recurrent") if room in case)


over_cases = pytest.mark.parametrize("case", CASES + TIMED, ids=named)


@over_cases
def test_loss_and_gradients_are_the_definitions(
    form: str, definition: Backend, plan: Maker, case: dict[str, Any]
) -> None:
    small = planned(plan, case)
    state, batches = start_and_batches(small)
    program = defined(definition, small, state)
    program.step(batches[0])
    loss, found = model_of(form, small, state).gradients(samples_of(batches)[0])
    assert loss == pytest.approx(program.gradients().loss[0], rel=BOUND)
    assert apart(found, program.gradients().parameters) <= BOUND


@over_cases
def test_its_own_loop_trains_it_as_the_definition_is_trained(
    form: str, definition: Backend, plan: Maker, case: dict[str, Any]
) -> None:
    small = planned(plan, case)
    state, batches = start_and_batches(small)
    program = defined(definition, small, state)
    model = model_of(form, small, state)
    losses = [program.measured(program.step(batch))["loss"][0] for batch in batches]
    assert model.train(samples_of(batches)) == pytest.approx(losses, rel=BOUND)
    end = program.state()
    assert apart(model.arrays(), end.parameters | end.statistics) <= BOUND
    x = batches[0].x
    assert scaled_error(model.predict(x[0])[None], program.predict(x)) <= BOUND


def test_real_targets_train_it_as_the_definition(
    form: str, definition: Backend, plan: Maker
) -> None:
    small = plan(loss="squared_error", classes=None, targets=2, depth=2, seeds=(0,), batch_size=8)
    state, batches = start_and_batches(small)
    program = defined(definition, small, state)
    model = model_of(form, small, state)
    for batch in batches:
        program.step(batch)
    model.train(samples_of(batches))
    assert apart(model.arrays(), program.state().parameters) <= BOUND


def test_every_kind_is_in_a_plan() -> None:
    for room, specs in ROOMS.items():
        assert {case[room] for case in CASES} == set(specs), room


@pytest.fixture(scope="module")
def square(plan: Maker) -> Plan:
    """A highway network of one width from end to end, so that a weight the wrong way round has the
    right shape.
    """
    sizes = {"features": 6, "width": 6, "classes": 6, "depth": 4, "seeds": (0,), "batch_size": 8}
    return plan(skip="highway", normalization="batch", activation="tanh", **sizes)


def gradient_error(form: str, definition: Backend, expected: Plan, built: Plan) -> float:
    state, batches = start_and_batches(expected)
    program = defined(definition, expected, state)
    program.step(batches[0])
    return apart(
        model_of(form, built, state).gradients(samples_of(batches)[0])[1],
        program.gradients().parameters,
    )


@pytest.mark.parametrize(("room", "name"), [("affine", "weight"), ("skip", "gate_weight")])
def test_a_weight_the_wrong_way_round_is_caught(
    form: str,
    definition: Backend,
    square: Plan,
    monkeypatch: pytest.MonkeyPatch,
    room: str,
    name: str,
) -> None:
    assert gradient_error(form, definition, square, square) <= BOUND
    parameters = module_of(form).room(room).PARAMETERS
    kept = parameters[name]
    monkeypatch.setitem(parameters, name, Kept(kept.name, None if kept.axes else TRANSPOSED))
    assert gradient_error(form, definition, square, square) > 1e-3


SWAPPED = [
    ("torch", "lstm", "input_weight"),
    ("keras", "gru", "weight"),
    ("jax", "lstm", "bias"),
    ("nnx", "gru", "bias"),
]


@pytest.mark.parametrize(("form", "kind", "name"), SWAPPED, indirect=["form"])
def test_two_gates_in_each_others_place_are_caught(
    form: str,
    definition: Backend,
    plan: Maker,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    name: str,
) -> None:
    cells = plan(recurrent=kind, features=3, width=3, seeds=(0,), batch_size=8)
    assert gradient_error(form, definition, cells, cells) <= BOUND
    room = module_of(form).room("recurrent")
    by_gate = (room.PARAMETERS_NNX if form == "nnx" else room.PARAMETERS)[kind][name]
    first, second, *rest = by_gate
    swapped = {first: by_gate[second], second: by_gate[first]} | {
        gate: by_gate[gate] for gate in rest
    }
    monkeypatch.setitem(
        (room.PARAMETERS_NNX if form == "nnx" else room.PARAMETERS)[kind], name, swapped
    )
    assert gradient_error(form, definition, cells, cells) > 1e-3


def test_gates_clipped_one_by_one_are_caught(
    definition: Backend,
    plan: Maker,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """Flax linen has an array for each gate, of which the definition takes the norm together."""
    load("jax", request.config)
    cells = planned(plan, TIMED[2])
    state, batches = start_and_batches(cells)
    program = defined(definition, cells, state)
    for batch in batches:
        program.step(batch)
    module = module_of("jax")
    monkeypatch.setattr(module, "named", lambda plan: None)
    model = model_of("jax", cells, state)
    model.train(samples_of(batches))
    assert apart(model.arrays(), program.state().parameters) > 1e-4


def test_an_activation_that_is_left_out_is_caught(
    form: str, definition: Backend, square: Plan
) -> None:
    network = square.network.model_copy(update={"activation": Identity()})
    assert (
        gradient_error(form, definition, square, square.model_copy(update={"network": network}))
        > 1e-3
    )


def test_a_step_without_its_clipping_is_caught(form: str, definition: Backend, plan: Maker) -> None:
    small = plan(clipping={"kind": "global_norm", "threshold": 0.05}, seeds=(0,), batch_size=8)
    state, batches = start_and_batches(small)
    program = defined(definition, small, state)
    for batch in batches:
        program.step(batch)
    model = model_of(form, plan(clipping="none", seeds=(0,), batch_size=8), state)
    model.train(samples_of(batches))
    assert apart(model.arrays(), program.state().parameters | program.state().statistics) > 1e-4


def test_keras_own_loop_takes_the_same_steps(plan: Maker, request: pytest.FixtureRequest) -> None:
    load("keras", request.config)
    small = planned(plan, CASES[1])
    state, batches = start_and_batches(small)
    by_fit, by_loop = (model_of("keras", small, state) for _ in range(2))
    by_loop.train(samples_of(batches))
    rooms = {name: module_of("keras").room(name) for name in ("clipping", "optimizer", "loss")}
    optimizer = rooms["clipping"].build(small.clipping)(rooms["optimizer"].build(small.optimizer))
    by_fit.model.compile(optimizer, rooms["loss"].build(small.network.loss, small.precision))
    x, y = (np.concatenate(arrays) for arrays in zip(*samples_of(batches), strict=True))
    by_fit.model.fit(x, y, batch_size=small.task.batch_size, shuffle=False, verbose=0)
    assert apart(by_fit.arrays(), {name: a[None] for name, a in by_loop.arrays().items()}) <= 1e-13
