"""Ordinary models: the network of any plan, as who knows a framework writes it, is the definition's.

The plans are drawn from the unions of countermeasures, so that each kind, and each word of it, is in one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from backends import FRAMEWORKS
from common import draw
from common.backend import Backend, Program
from common.countermeasures.activation import Activation, Identity, ReLU, Tanh
from common.countermeasures.clipping import Clipping
from common.countermeasures.loss import Loss
from common.countermeasures.normalization import Normalization
from common.countermeasures.optimizer import Optimizer
from common.countermeasures.recurrent import GRU, LSTM, SimpleRNN
from common.countermeasures.skip import Skip
from common.errors import UserError
from common.network import Arrays, Batch, State
from common.part import Part
from common.placement import TRANSPOSED, Kept, kept_by, places, side_by_side
from common.plan import Plan
from tests.compared import scaled_error
from tests.conftest import load
from tests.derived import batch_of, start_of
from tests.ordinary import Ordinary, Samples, form, module_of
from tests.strategies import every, label

__all__ = ["form"]

Maker = Callable[..., Plan]
STEPS = 3
BOUND = 1e-10
ROOMS = {
    "activation": every(Activation),
    "normalization": every(Normalization),
    "skip": every(Skip),
    "loss": every(Loss),
    "clipping": [spec.model_copy(update=dict.fromkeys(spec.traced, 0.05)) for spec in every(Clipping)],
    "optimizer": every(Optimizer),
}
WIDTHS: list[Any] = [6, [7, 5, 5, 4], 6]
"""The same for all layers, or by layer; the first plan is of one layer."""


def cases() -> Iterator[dict[str, Any]]:
    """As many plans as the room with the most kinds needs, all others in turn."""
    for i in range(max(map(len, ROOMS.values()))):
        # the second time round a room is as many places on as its own place in the list, so that other kinds meet
        chosen = {room: specs[(i + k * (i // len(specs))) % len(specs)] for k, (room, specs) in enumerate(ROOMS.items())}
        width = WIDTHS[i % len(WIDTHS)] if i else [4]
        yield chosen | {"width": width, "depth": len(width) if isinstance(width, list) else 4}


CELLS: list[tuple[Any, Any, str, str]] = [
    (SimpleRNN(), ReLU(), "none", "adamw"),
    (SimpleRNN(), Tanh(), "norm", "momentum"),
    (LSTM(), Tanh(), "norm", "adam"),
    (LSTM(forget_bias=0.0), Tanh(), "global_norm", "nesterov"),
    (GRU(), Tanh(), "norm", "rmsprop"),
    (GRU(), Tanh(), "global_norm", "adamw"),
    (GRU(), Tanh(), "value", "sgd"),
]
"""Each cell by the clippings that know what an array is, and the optimizers that keep something of each."""


def timed() -> Iterator[dict[str, Any]]:
    """Plans with cells; the losses in turn."""
    of_kind = {room: {spec.kind: spec for spec in ROOMS[room]} for room in ("clipping", "optimizer")}
    for i, (cell, function, clipping, optimizer) in enumerate(CELLS):
        chosen = {"clipping": of_kind["clipping"][clipping], "optimizer": of_kind["optimizer"][optimizer]}
        losses = ROOMS["loss"]
        yield chosen | {"recurrent": cell, "activation": function, "loss": losses[i % len(losses)], "width": 4, "depth": 1}


CASES, TIMED = list(cases()), list(timed())


def named(case: dict[str, Any]) -> str:
    return "-".join(label(case[room]) for room in (*ROOMS, "recurrent") if room in case)


over_cases = pytest.mark.parametrize("case", CASES + TIMED, ids=named)


def planned(plan: Maker, case: dict[str, Any], **changes: Any) -> Plan:
    """A plan of one seed, by specs."""
    written = {room: spec.model_dump() for room, spec in (case | changes).items() if room in (*ROOMS, "recurrent")}
    sizes = {"width": case["width"], "depth": case["depth"], "classes": case["loss"].most_classes or 3, "seeds": (0,)}
    rate = case["optimizer"].learning_rate
    return plan(**(sizes | {"steps": STEPS, "batch_size": 8, "learning_rate": rate} | changes | written))


def start_and_batches(plan: Plan) -> tuple[State, list[Batch]]:
    """A state in which no two arrays are alike, and batches."""
    start = replace(start_of(plan), optimizer=draw.state(plan).optimizer)
    return start, [batch_of(plan, seed) for seed in range(STEPS)]


def of_seed(arrays: Arrays) -> Arrays:
    return {name: a[0] for name, a in arrays.items()}


def samples_of(batches: list[Batch]) -> list[Samples]:
    return [(batch.x[0], batch.y[0]) for batch in batches]


def model_of(form: str, plan: Plan, state: State) -> Ordinary:
    return Ordinary(form, plan, of_seed(state.parameters | state.statistics))


def apart(found: Arrays, expected: Arrays) -> float:
    """The largest error, scaled by each layer; the names have to be the same."""
    assert set(found) == set(expected)
    return max(scaled_error(found[name][None], value) for name, value in expected.items())


def defined(definition: Backend, plan: Plan, state: State) -> Program:
    program = definition.program(plan, "cpu", measure=False)
    program.load(state)
    return program


@over_cases
def test_loss_and_gradients_are_the_definitions(form: str, definition: Backend, plan: Maker, case: dict[str, Any]) -> None:
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
    program, model = defined(definition, small, state), model_of(form, small, state)
    losses = [program.measured(program.step(batch))["loss"][0] for batch in batches]
    assert model.train(samples_of(batches)) == pytest.approx(losses, rel=BOUND)
    end = program.state()
    assert apart(model.arrays(), end.parameters | end.statistics) <= BOUND
    x = batches[0].x
    assert scaled_error(model.predict(x[0])[None], program.predict(x)) <= BOUND


def test_real_targets_train_it_as_the_definition(form: str, definition: Backend, plan: Maker) -> None:
    small = plan(loss="squared_error", classes=None, targets=2, depth=2, seeds=(0,), batch_size=8)
    state, batches = start_and_batches(small)
    program, model = defined(definition, small, state), model_of(form, small, state)
    for batch in batches:
        program.step(batch)
    model.train(samples_of(batches))
    assert apart(model.arrays(), program.state().parameters) <= BOUND


def test_every_kind_is_in_a_plan() -> None:
    for room, specs in ROOMS.items():
        assert {case[room] for case in CASES} == set(specs), room


@pytest.fixture(scope="module")
def square(plan: Maker) -> Plan:
    """A highway network of one width from end to end, so that a weight the wrong way round has the right shape."""
    sizes = {"features": 6, "width": 6, "classes": 6, "depth": 4, "seeds": (0,), "batch_size": 8}
    return plan(skip="highway", normalization="batch", activation="tanh", **sizes)


def gradient_error(form: str, definition: Backend, expected: Plan, built: Plan) -> float:
    state, batches = start_and_batches(expected)
    program = defined(definition, expected, state)
    program.step(batches[0])
    return apart(model_of(form, built, state).gradients(samples_of(batches)[0])[1], program.gradients().parameters)


@pytest.mark.parametrize(("room", "name"), [("affine", "weight"), ("skip", "gate_weight")])
def test_a_weight_the_wrong_way_round_is_caught(
    form: str, definition: Backend, square: Plan, monkeypatch: pytest.MonkeyPatch, room: str, name: str
) -> None:
    assert gradient_error(form, definition, square, square) <= BOUND
    parameters = module_of(form).room(room).PARAMETERS
    kept = parameters[name]
    monkeypatch.setitem(parameters, name, Kept(kept.name, None if kept.axes else TRANSPOSED))
    assert gradient_error(form, definition, square, square) > 1e-3


SWAPPED = [("torch", "lstm", "input_weight"), ("keras", "gru", "weight"), ("jax", "lstm", "bias"), ("nnx", "gru", "bias")]


@pytest.mark.parametrize(("form", "kind", "name"), SWAPPED, indirect=["form"])
def test_two_gates_in_each_others_place_are_caught(
    form: str, definition: Backend, plan: Maker, monkeypatch: pytest.MonkeyPatch, kind: str, name: str
) -> None:
    cells = plan(recurrent=kind, features=3, width=3, seeds=(0,), batch_size=8)
    assert gradient_error(form, definition, cells, cells) <= BOUND
    room = module_of(form).room("recurrent")
    by_gate = (room.PARAMETERS_NNX if form == "nnx" else room.PARAMETERS)[kind][name]
    first, second, *rest = by_gate
    swapped = {first: by_gate[second], second: by_gate[first]} | {gate: by_gate[gate] for gate in rest}
    monkeypatch.setitem((room.PARAMETERS_NNX if form == "nnx" else room.PARAMETERS)[kind], name, swapped)
    assert gradient_error(form, definition, cells, cells) > 1e-3


def test_gates_clipped_one_by_one_are_caught(
    definition: Backend, plan: Maker, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
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


def test_an_activation_that_is_left_out_is_caught(form: str, definition: Backend, square: Plan) -> None:
    network = square.network.model_copy(update={"activation": Identity()})
    assert gradient_error(form, definition, square, square.model_copy(update={"network": network})) > 1e-3


def test_a_step_without_its_clipping_is_caught(form: str, definition: Backend, plan: Maker) -> None:
    small = plan(clipping={"kind": "global_norm", "threshold": 0.05}, seeds=(0,), batch_size=8)
    state, batches = start_and_batches(small)
    program = defined(definition, small, state)
    for batch in batches:
        program.step(batch)
    model = model_of(form, plan(clipping="none", seeds=(0,), batch_size=8), state)
    model.train(samples_of(batches))
    assert apart(model.arrays(), program.state().parameters | program.state().statistics) > 1e-4


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_model_has_the_precision_of_its_plan(form: str, definition: Backend, plan: Maker, precision: str) -> None:
    small = planned(plan, CASES[1], precision=precision)
    state, batches = start_and_batches(small)
    given = state.parameters | state.statistics
    model = model_of(form, small, state)
    held = {name: draw.rounded(a, precision) for name, a in given.items()}
    assert all(np.array_equal(a[None], held[name]) for name, a in model.arrays().items())
    program = defined(definition, small, replace(state, parameters={name: held[name] for name in state.parameters}))
    for batch in batches:
        program.step(batch)
    model.train(samples_of(batches))
    error = apart(model.arrays(), program.state().parameters | program.state().statistics)
    assert error <= (1e-4 if precision == "float32" else BOUND)
    assert error > 1e-9 or precision == "float64", "numbers of float32 stay such"


def test_a_model_starts_as_its_plan_says(form: str, plan: Maker) -> None:
    skip = {"kind": "highway", "initial_bias": -3.0}
    start = {"initialization": {"kind": "he", "bias": "uniform_fan_in"}, "skip": skip, "activation": "prelu"}
    wide = plan(width=64, depth=4, normalization={"kind": "layer", "initial_scale": 0.5}, **start)
    module = module_of(form)
    found = module.arrays(module.build(wide, seed=1), wide)
    assert np.allclose(found["hidden.weight"].std((1, 2)), (2 / 64) ** 0.5, rtol=0.1)
    assert np.allclose(np.abs(found["hidden.bias"]).max(1), 64**-0.5, rtol=0.2)
    assert not np.array_equal(found["hidden.weight"][0], found["hidden.weight"][1]), "each layer draws its own"
    assert not np.array_equal(found["hidden.weight"], found["hidden.gate_weight"])
    assert [float(found[f"hidden.{name}"].min()) for name in ("scale", "shift", "slope", "gate_bias")] == [0.5, 0, 0.25, -3]
    again, other = (module.arrays(module.build(wide, seed), wide) for seed in (1, 2))
    assert np.array_equal(again["hidden.weight"], found["hidden.weight"])
    assert not np.array_equal(other["hidden.weight"], found["hidden.weight"])


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


def test_a_layer_of_a_model_starts_by_a_law_of_its_own(form: str, plan: Maker) -> None:
    own = {"output": {"kind": "constant", "value": 0.5}, "layer 3": {"kind": "gaussian", "std": 0.001}}
    deep = plan(width=32, depth=4, initialization_by_layer=own)
    module = module_of(form)
    found = module.arrays(module.build(deep, seed=1), deep)
    assert (found["output.weight"] == 0.5).all()
    sizes = found["hidden.weight"].std((1, 2))
    assert np.allclose(sizes, [32**-0.5, 0.001, 32**-0.5], rtol=0.2), "layers 2 to 4"


def test_cells_start_as_their_plan_says(form: str, plan: Maker) -> None:
    start = {"initialization": {"kind": "gaussian", "std": 0.3, "bias": "uniform_fan_in"}, "width": 40, "features": 50}
    module = module_of(form)
    cells = {
        "lstm": plan(recurrent={"kind": "lstm", "forget_bias": 2.0}, **start),
        "gru": plan(recurrent={"kind": "gru", "start": "drawn"}, **start),
        "simple": plan(recurrent={"kind": "simple", "start": "identity"}, **start),
    }
    found = {kind: module.arrays(module.build(one, seed=1), one) for kind, one in cells.items()}
    by_gate = found["lstm"]["recurrent.weight"][0]
    assert np.allclose(np.linalg.svd(by_gate, compute_uv=False), 1.0, atol=1e-10), "each gate's is orthogonal by itself"
    assert len({gate.tobytes() for gate in by_gate}) == 4
    assert found["lstm"]["recurrent.bias"][0, :, 0].tolist() == [0, 2, 0, 0]
    for name, kind in (("input_weight", "lstm"), ("input_weight", "gru"), ("weight", "gru")):
        assert np.allclose(found[kind][f"recurrent.{name}"][0].std((-1, -2)), 0.3, rtol=0.1), (kind, name)
    assert not found["gru"]["recurrent.recurrent_bias"].any()
    assert np.array_equal(found["simple"]["recurrent.weight"][0, 0], np.eye(40))


def parts_of(parts: tuple[Part, ...]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from parts_of(part.inner)


@pytest.mark.parametrize("wing", FRAMEWORKS)
def test_a_room_places_what_its_parts_have_and_nothing_else(wing: str, plan: Maker, request: pytest.FixtureRequest) -> None:
    load(wing, request.config)
    wanted: dict[tuple[str, str], set[str]] = {}
    for case in CASES + TIMED:
        for stack in planned(plan, case).network.stacks():
            for part in parts_of(stack.block):
                inside = {name for inner in part.inner for name in (*inner.parameters(3), *inner.statistics(3))}
                own = {*part.parameters(3), *part.statistics(3)} - inside
                key = part.room, part.kind if part.room == "recurrent" else ""
                wanted[key] = wanted.get(key, set()) | own
    assert {room for room, _ in wanted} == {"affine", "activation", "normalization", "skip", "recurrent"}
    for (room, kind), names in wanted.items():
        assert set(kept_by(import_module(f"backends.{wing}.{room}"), kind)) == names, (room, kind)


@pytest.mark.parametrize("kind", ["simple", "lstm", "gru"])
def test_a_cell_that_pytorch_lacks_is_refused_by_name(plan: Maker, request: pytest.FixtureRequest, kind: str) -> None:
    load("torch", request.config)
    with pytest.raises(UserError, match=f"PyTorch's {kind} has the activation tanh( or relu)?; received gelu"):
        module_of("torch").build(plan(recurrent=kind, activation="gelu", seeds=(0,)), seed=0)


@pytest.mark.parametrize("kept", [Kept("a"), Kept("a", TRANSPOSED), Kept("a", (1, None, 0))])
def test_a_layout_there_and_back_is_the_array(kept: Kept) -> None:
    a = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(kept.here(kept.there(a)), a)
    assert kept.there(a).shape == {None: (2, 3), (1, 0): (3, 2), (1, None, 0): (3, 1, 2)}[kept.axes]


@pytest.mark.parametrize("axis", [-1, -2])
def test_gates_put_side_by_side_are_in_the_order_named_and_come_back(axis: int) -> None:
    a = np.arange(18.0).reshape(3, 2, 3)
    places = side_by_side("a", ("second", "first", "third"), axis, TRANSPOSED)
    whole = np.zeros((3, 6) if axis == -1 else (9, 2), "float32")
    for gate, one in zip(("first", "second", "third"), a, strict=True):
        whole = places[gate].put(whole, one)
    assert np.array_equal(whole, np.concatenate([a[1].T, a[0].T, a[2].T], axis))
    back = [places[gate].here(whole) for gate in ("first", "second", "third")]
    assert np.array_equal(back, a)


def test_a_place_is_the_path_of_a_layer_its_parts_and_the_name_there(plan: Maker, request: pytest.FixtureRequest) -> None:
    load("torch", request.config)
    network = plan(skip="highway", depth=2).network
    found = {place.name: ".".join(place.path) for place in places(network, module_of("torch").placed)}
    assert found["hidden.weight"] == "layer_2.skip.inner.affine.weight"
    assert found["hidden.gate_bias"] == "layer_2.skip.gate.bias"
    assert found["output.bias"] == "output.affine.bias"
