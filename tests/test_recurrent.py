"""Recurrent cells: the definition by difference quotients, the frameworks against it, what a cell does to the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common import draw, task
from common.architectures import RecurrentNetwork
from common.backend import Backend
from common.countermeasures.activation import Activation, ReLU, Tanh
from common.countermeasures.recurrent import GRU, LSTM, Cell, SimpleRNN, Step
from common.errors import UserError
from common.network import Arrays
from common.plan import Plan
from common.spec import kinds_of
from experiments.judging import batch_of
from tests.compared import differing
from tests.derived import SIZES, Maker, assert_derived_by_hand
from tests.strategies import every, float64s, floats, label
from tests.test_parity import assert_none_is_broken, judged

CELLS: list[Any] = [kind() for kind in kinds_of(Cell)]
OTHERS: list[Any] = [SimpleRNN(start="identity"), SimpleRNN(start="drawn"), LSTM(forget_bias=0.0), GRU(start="drawn")]
OVER_CELLS = pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.kind)
FUNCTIONS = [one for one in every(Activation) if not one.parameters(1)]
BATCH, TIME, FEATURES, UNITS = 3, 4, 2, 3
AWKWARD = [0.0, 1e-12, -1e-300, 40.0, -800.0]
VALUES = floats(-3, 3, AWKWARD)
FEW = settings(max_examples=10, deadline=None)


def by_row(plan: Maker, cell: Any, **changes: Any) -> Plan:
    """A plan for the digits, row by row: 8 steps of time."""
    sizes = {"features": 8, "classes": 10, "time": 8, "width": 6, "source": "digits by row"}
    return plan(**(sizes | {"recurrent": cell.model_dump()} | changes))


def adding(plan: Maker, cell: Any, time: int, **changes: Any) -> Plan:
    """A plan for the adding problem."""
    made = plan(recurrent=cell.model_dump(), time=time, features=2, classes=None, targets=1, loss="squared_error", **changes)
    sequences = {"source": "adding", "time": time, "standardized": "no"}
    return made.model_copy(update={"task": made.task.model_copy(update=sequences)})


def inputs(cell: Any, x: np.ndarray, cotangent: np.ndarray, scale: float = 0.7) -> Arrays:
    """What `probe` takes: drawn parameters beside."""
    rng = np.random.default_rng(5)
    shapes = {name: one.shape for name, one in Step(cell, UNITS, (Tanh(),)).parameters(FEATURES).items()}
    return {"x": x, "cotangent": cotangent} | {name: scale * rng.standard_normal(shape) for name, shape in shapes.items()}


def assert_equal(found: Arrays, expected: Arrays, most: float) -> None:
    assert set(found) == set(expected)
    size = max(np.abs(value).max() for value in expected.values())
    for name, value in expected.items():
        assert found[name].shape == value.shape, name
        assert np.abs(found[name] - value).max() <= most * size, name


# --- the definition


DERIVED = [*((cell, function) for cell in CELLS for function in FUNCTIONS), *((cell, Tanh()) for cell in OTHERS)]


@pytest.mark.parametrize(("cell", "function"), DERIVED, ids=label)
def test_the_gradient_derived_by_hand_is_the_difference_quotient(plan: Maker, cell: Any, function: Activation) -> None:
    sizes = {name: value for name, value in SIZES.items() if name != "depth"}
    assert_derived_by_hand(plan(**sizes, recurrent=cell.model_dump(), activation=function.model_dump(), time=4))


def test_a_step_of_each_cell_is_its_formula_by_hand(definition: Backend) -> None:
    rng = np.random.default_rng(3)
    for cell in CELLS:
        held = inputs(cell, rng.standard_normal((BATCH, 2, FEATURES)), np.ones((BATCH, 2, UNITS)))
        expected = by_formula(cell, held)
        assert np.allclose(definition.recurrent.probe(cell, held, Tanh())["value"], expected, rtol=1e-14, atol=1e-14), cell.kind


def by_formula(cell: Any, held: Arrays) -> np.ndarray:
    """Outputs as the textbooks write them, gate by gate, by name."""
    w, u, b = ({gate: held[name][i] for i, gate in enumerate(cell.gates)} for name in ("input_weight", "weight", "bias"))
    logistic = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    h = c = np.zeros((BATCH, UNITS))
    outputs = []
    for x in np.moveaxis(held["x"], 1, 0):
        z = {gate: x @ w[gate] + h @ u[gate] + b[gate] for gate in cell.gates}
        match cell:
            case SimpleRNN():
                h = np.tanh(z["output"])
            case LSTM():
                c = logistic(z["forget"]) * c + logistic(z["input"]) * np.tanh(z["candidate"])
                h = logistic(z["output"]) * np.tanh(c)
            case GRU():
                own = h @ u["candidate"] + held["recurrent_bias"]
                n = np.tanh(x @ w["candidate"] + b["candidate"] + logistic(z["reset"]) * own)
                kept = logistic(z["update"])
                h = (1 - kept) * n + kept * h
        outputs.append(h)
    return np.stack(outputs, axis=1)


# --- the frameworks


@OVER_CELLS
@FEW
@given(
    x=float64s((BATCH, TIME, FEATURES), VALUES),
    cotangent=float64s((BATCH, TIME, UNITS), VALUES),
    scale=st.sampled_from([0.0, 1e-8, 0.7, 30.0]),
)
@example(x=np.zeros((BATCH, TIME, FEATURES)), cotangent=np.ones((BATCH, TIME, UNITS)), scale=0.0)
def test_values_and_gradients_of_what_a_reader_builds_are_the_definitions(
    backend: Backend, definition: Backend, cell: Any, x: np.ndarray, cotangent: np.ndarray, scale: float
) -> None:
    held = inputs(cell, x, cotangent, scale)
    expected, found = (wing.recurrent.probe(cell, held, Tanh()) for wing in (definition, backend))
    assert_equal(found, expected, 1e-12)


@OVER_CELLS
@pytest.mark.parametrize("function", FUNCTIONS, ids=label)
def test_a_cell_that_a_framework_lacks_is_refused_by_name(
    backend: Backend, definition: Backend, cell: Any, function: Activation
) -> None:
    rng = np.random.default_rng(4)
    held = inputs(cell, rng.standard_normal((BATCH, TIME, FEATURES)), rng.standard_normal((BATCH, TIME, UNITS)))
    shipped = isinstance(function, Tanh) or (isinstance(function, ReLU) and isinstance(cell, SimpleRNN))
    if backend.name == "torch" and not shipped:
        with pytest.raises(
            UserError, match=f"PyTorch's {cell.kind} has the activation tanh( or relu)?; received {function.kind}"
        ):
            backend.recurrent.probe(cell, held, function)
        return
    assert_equal(backend.recurrent.probe(cell, held, function), definition.recurrent.probe(cell, held, function), 1e-12)


@pytest.mark.parametrize("function", [Tanh(), ReLU()], ids=label)
@pytest.mark.parametrize("seeds", [(0,), (0, 1)], ids=["one seed", "two seeds"])
@OVER_CELLS
def test_a_step_is_the_definitions(
    backend: Backend, definition: Backend, plan: Maker, cell: Any, seeds: tuple[int, ...], function: Activation
) -> None:
    assert not differing(backend, definition, by_row(plan, cell, seeds=seeds, activation=function.model_dump()), most=1e-12)


LONG: list[tuple[Any, str, str]] = [
    (SimpleRNN(), "sgd", "none"),
    (SimpleRNN(start="drawn"), "momentum", "norm"),
    (LSTM(), "adam", "global_norm"),
    (LSTM(forget_bias=0.0), "nesterov", "none"),
    (GRU(), "rmsprop", "value"),
    (GRU(start="drawn"), "adamw", "norm"),
]
CLIPPINGS = {
    "none": "none",
    "value": {"kind": "value", "threshold": 1e-3},
    "norm": {"kind": "norm", "threshold": 1e-2},
    "global_norm": {"kind": "global_norm", "threshold": 0.05},
}


@pytest.mark.parametrize(("cell", "optimizer", "clipping"), LONG, ids=lambda one: one if isinstance(one, str) else label(one))
def test_steps_over_50_steps_of_time_are_the_definitions(
    backend: Backend, definition: Backend, plan: Maker, cell: Any, optimizer: str, clipping: str
) -> None:
    """A loop in Keras, where fewer steps are unrolled."""
    own = {"optimizer": {"kind": optimizer}, "learning_rate": None, "clipping": CLIPPINGS[clipping], "steps": 20}
    long = adding(plan, cell, 50, **own)
    assert_none_is_broken(judged(definition, backend.program(long, "cpu"), long, [0, 19]), at_least=2)


@OVER_CELLS
def test_float32_steps_are_the_definitions(backend: Backend, definition: Backend, plan: Maker, cell: Any) -> None:
    long = by_row(plan, cell, precision="float32", steps=5, activation="relu", initialization="he")
    assert_none_is_broken(judged(definition, backend.program(long, "cpu"), long, [0, 4]), at_least=2)


@OVER_CELLS
def test_one_step_of_time_is_a_network_too(backend: Backend, definition: Backend, plan: Maker, cell: Any) -> None:
    assert not differing(backend, definition, with_time(plan, cell, 2), most=1e-12)


def with_time(plan: Maker, cell: Any, time: int) -> Plan:
    return adding(plan, cell, time, seeds=(0,))


def test_what_is_traced_does_not_grow_with_the_time(plan: Maker) -> None:
    import jax

    import backends
    from backends.jax.network import StackedNetwork, params

    backends.load("jax")

    def operations(time: int) -> int:
        long = adding(plan, LSTM(), time)
        network = StackedNetwork(long.network, training=True, measure=False)
        held = {name: a[0] for name, a in draw.state(long).parameters.items()}
        traced = jax.make_jaxpr(lambda x: network.apply({"params": params(long.network, held)}, x))(np.zeros((4, time, 2)))
        return len(str(traced).splitlines())

    assert operations(100) == operations(1000)


# --- starts, draws and names


def test_every_gate_starts_orthogonal_by_itself(plan: Maker) -> None:
    for cell in CELLS:
        weight = draw.state(by_row(plan, cell)).parameters["recurrent.weight"]
        assert np.allclose(np.linalg.svd(weight, compute_uv=False), 1.0, atol=1e-12), cell.kind
        flat = weight.reshape(-1, *weight.shape[-2:])
        assert len({a.tobytes() for a in flat}) == len(flat), "no two gates or seeds have the same"


def test_a_simple_cell_may_start_from_the_identity_and_an_lstm_from_an_open_forget_gate(plan: Maker) -> None:
    identity = draw.state(by_row(plan, SimpleRNN(start="identity"))).parameters["recurrent.weight"]
    assert np.array_equal(identity, np.broadcast_to(np.eye(6), identity.shape))
    bias = draw.state(by_row(plan, LSTM(forget_bias=2.0))).parameters["recurrent.bias"][0, 0]
    assert dict(zip(LSTM.gates, bias[:, 0], strict=True)) == {"input": 0, "forget": 2, "candidate": 0, "output": 0}


def test_input_weights_are_drawn_by_the_plans_law_for_each_gate(plan: Maker) -> None:
    wide = by_row(plan, LSTM(), width=400, initialization={"kind": "gaussian", "std": 0.3})
    weight = draw.state(wide).parameters["recurrent.input_weight"]
    assert np.allclose(weight.std((-1, -2)), 0.3, rtol=0.05)


def test_a_forget_bias_shares_the_compiled_step(plan: Maker) -> None:
    structures = {by_row(plan, LSTM(forget_bias=bias)).structure() for bias in (0.0, 1.0)}
    assert len(structures) == 1
    assert by_row(plan, LSTM()).structure() != by_row(plan, GRU()).structure()


@OVER_CELLS
def test_a_plan_survives_json(plan: Maker, cell: Any) -> None:
    one = by_row(plan, cell)
    assert Plan.model_validate_json(one.model_dump_json()) == one
    assert isinstance(one.network, RecurrentNetwork)
    assert one.network.layer("recurrent", 0) == "recurrent layer"
    assert one.network.layer("", 7) == "time step 8"


def test_an_activation_with_a_slope_to_train_is_refused(plan: Maker) -> None:
    with pytest.raises(ValueError, match="the activation of a cell must have nothing to train; received prelu"):
        by_row(plan, LSTM(), activation="prelu")


# --- what it does to the gradient


def signals(wing: Backend, plan: Plan) -> np.ndarray:
    """Signal gradients [seed, time] of the first step."""
    program = wing.program(plan, "cpu")
    program.load(draw.state(plan))
    return program.measured(program.step(batch_of(plan, task.load(plan.task), 0)))["signal_gradient_rms"]


def test_an_open_forget_gate_brings_back_what_a_simple_cell_loses(backend: Backend, plan: Maker) -> None:
    """Over 50 steps; a closed one, s(-20) = 2e-9, loses it at once."""
    small = {"width": 16, "initialization": {"kind": "gaussian", "std": 0.1}}
    simple = signals(backend, adding(plan, SimpleRNN(start="drawn"), 50, **small))
    opened = signals(backend, adding(plan, LSTM(forget_bias=5.0), 50, **small))
    closed = signals(backend, adding(plan, LSTM(start="drawn", forget_bias=-20.0), 50, **small))
    assert (simple[:, 0] < 1e-15 * simple[:, -1]).all()
    assert (opened[:, 0] > 1e-2 * opened[:, -1]).all()
    assert (closed[:, 0] < 1e-30 * closed[:, -1]).all()


def test_an_orthogonal_linear_cell_hands_on_the_whole_gradient(backend: Backend, plan: Maker) -> None:
    """Each step multiplies the gradient by an orthogonal matrix: its length is the same at every step of time."""
    found = signals(backend, adding(plan, SimpleRNN(), 50, activation="identity"))
    assert np.allclose(found, found[:, -1:], rtol=1e-12)


def test_clipping_bounds_the_step_and_not_the_vanishing(backend: Backend, plan: Maker) -> None:
    numbers: dict[str, Any] = {"initialization": {"kind": "gaussian", "std": 0.1}, "learning_rate": 1.0}
    free = adding(plan, SimpleRNN(start="drawn"), 50, **numbers)
    bounded = adding(plan, SimpleRNN(start="drawn"), 50, **numbers, clipping={"kind": "global_norm", "threshold": 1e-6})
    assert np.array_equal(signals(backend, free), signals(backend, bounded))
    moved = [largest_step(backend, one) for one in (free, bounded)]
    assert moved[1] <= 1.001e-6 < moved[0]


def largest_step(wing: Backend, plan: Plan) -> float:
    """How far a step moves all parameters of a seed, at most."""
    program, before = wing.program(plan, "cpu"), draw.state(plan)
    program.load(before)
    program.step(batch_of(plan, task.load(plan.task), 0))
    moved = [program.state().parameters[name] - a for name, a in before.parameters.items()]
    return float(np.sqrt(sum((a**2).reshape(len(a), -1).sum(1) for a in moved)).max())


def test_the_weights_are_one_for_all_steps_of_time(backend: Backend, plan: Maker) -> None:
    one = by_row(plan, LSTM())
    program = backend.program(one, "cpu")
    program.load(draw.state(one))
    measured = program.measured(program.step(batch_of(one, task.load(one.task), 0)))
    gradient = program.gradients().parameters["recurrent.weight"]
    assert gradient.shape == (2, 1, 4, 6, 6)
    rms = np.sqrt((gradient**2).mean((1, 2, 3, 4)))
    assert np.allclose(measured["weight_gradient_rms"], rms[:, None], rtol=1e-12)
    assert measured["weight_gradient_rms"].shape == measured["signal_gradient_rms"].shape == (2, 8)
