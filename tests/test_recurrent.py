"""Recurrent cells: the definition by difference quotients, and the frameworks against it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common import draw
from common.backend import Backend
from common.countermeasures.activation import Activation, ReLU, Tanh
from common.countermeasures.recurrent import GRU, LSTM, SimpleRNN, Step
from common.errors import UserError
from common.network import Arrays
from common.plan import Plan
from tests.compared import differing
from tests.derived import SIZES, Maker, assert_derived_by_hand
from tests.sequences import CELLS, OVER_CELLS, adding, by_row
from tests.stepwise import assert_none_is_broken, judged
from tests.strategies import every, float64s, floats, label

OTHERS: list[Any] = [
    SimpleRNN(start="identity"),
    SimpleRNN(start="drawn"),
    LSTM(forget_bias=0.0),
    GRU(start="drawn"),
]
FUNCTIONS = [one for one in every(Activation) if not one.parameters(1)]
BATCH = 3
TIME = 4
FEATURES = 2
UNITS = 3
AWKWARD = [0.0, 1e-12, -1e-300, 40.0, -800.0]
VALUES = floats(-3, 3, AWKWARD)
FEW = settings(max_examples=10, deadline=None)


def inputs(cell: Any, x: np.ndarray, cotangent: np.ndarray, scale: float = 0.7) -> Arrays:
    """What `probe` takes: drawn parameters beside."""
    rng = np.random.default_rng(5)
    shapes = {
        name: one.shape for name, one in Step(cell, UNITS, (Tanh(),)).parameters(FEATURES).items()
    }
    return {"x": x, "cotangent": cotangent} | {
        name: scale * rng.standard_normal(shape) for name, shape in shapes.items()
    }


def assert_equal(found: Arrays, expected: Arrays, most: float, terms: float = 0.0) -> None:
    """To a share of the largest value, or of the terms of a sum: of a gate near 1 the derivative
    has few digits.
    """
    assert set(found) == set(expected)
    size = max(terms, *(np.abs(value).max() for value in expected.values()))
    for name, value in expected.items():
        assert found[name].shape == value.shape, name
        assert np.abs(found[name] - value).max() <= most * size, name


# --- the definition


DERIVED = [
    *((cell, function) for cell in CELLS for function in FUNCTIONS),
    *((cell, Tanh()) for cell in OTHERS),
]


@pytest.mark.parametrize(("cell", "function"), DERIVED, ids=label)
def test_the_gradient_derived_by_hand_is_the_difference_quotient(
    plan: Maker, cell: Any, function: Activation
) -> None:
    sizes = {name: value for name, value in SIZES.items() if name != "depth"}
    assert_derived_by_hand(
        plan(**sizes, recurrent=cell.model_dump(), activation=function.model_dump(), time=4)
    )


def test_a_step_of_each_cell_is_its_formula_by_hand(definition: Backend) -> None:
    rng = np.random.default_rng(3)
    for cell in CELLS:
        held = inputs(cell, rng.standard_normal((BATCH, 2, FEATURES)), np.ones((BATCH, 2, UNITS)))
        expected = by_formula(cell, held)
        assert np.allclose(
            definition.recurrent.probe(cell, held, Tanh())["value"],
            expected,
            rtol=1e-14,
            atol=1e-14,
        ), cell.kind


def by_formula(cell: Any, held: Arrays) -> np.ndarray:
    """Outputs as the textbooks write them, gate by gate, by name."""
    w, u, b = (
        {gate: held[name][i] for i, gate in enumerate(cell.gates)}
        for name in ("input_weight", "weight", "bias")
    )
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
    scale=st.sampled_from([0.0, 1e-8, 0.7]),
)
@example(x=np.zeros((BATCH, TIME, FEATURES)), cotangent=np.ones((BATCH, TIME, UNITS)), scale=0.0)
def test_values_and_gradients_of_what_a_reader_builds_are_the_definitions(
    backend: Backend,
    definition: Backend,
    cell: Any,
    x: np.ndarray,
    cotangent: np.ndarray,
    scale: float,
) -> None:
    held = inputs(cell, x, cotangent, scale)
    expected, found = (wing.recurrent.probe(cell, held, Tanh()) for wing in (definition, backend))
    terms = BATCH * TIME * max(1.0, np.abs(x).max()) * max(1.0, np.abs(cotangent).max())
    assert_equal(found, expected, 1e-12, terms)


@OVER_CELLS
@pytest.mark.parametrize("function", FUNCTIONS, ids=label)
def test_a_cell_that_a_framework_lacks_is_refused_by_name(
    backend: Backend, definition: Backend, cell: Any, function: Activation
) -> None:
    rng = np.random.default_rng(4)
    held = inputs(
        cell,
        rng.standard_normal((BATCH, TIME, FEATURES)),
        rng.standard_normal((BATCH, TIME, UNITS)),
    )
    shipped = isinstance(function, Tanh) or (
        isinstance(function, ReLU) and isinstance(cell, SimpleRNN)
    )
    if backend.name == "torch" and not shipped:
        with pytest.raises(
            UserError,
            match=(
                f"PyTorch's {cell.kind} has the activation tanh( or relu)?; received "
                f"{function.kind}"
            ),
        ):
            backend.recurrent.probe(cell, held, function)
        return
    assert_equal(
        backend.recurrent.probe(cell, held, function),
        definition.recurrent.probe(cell, held, function),
        1e-12,
    )


@pytest.mark.parametrize("function", [Tanh(), ReLU()], ids=label)
@pytest.mark.parametrize("seeds", [(0,), (0, 1)], ids=["one seed", "two seeds"])
@OVER_CELLS
def test_a_step_is_the_definitions(
    backend: Backend,
    definition: Backend,
    plan: Maker,
    cell: Any,
    seeds: tuple[int, ...],
    function: Activation,
) -> None:
    assert not differing(
        backend,
        definition,
        by_row(plan, cell, seeds=seeds, activation=function.model_dump()),
        most=1e-12,
    )


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


@pytest.mark.parametrize(
    ("cell", "optimizer", "clipping"),
    LONG,
    ids=lambda one: one if isinstance(one, str) else label(one),
)
def test_steps_over_50_steps_of_time_are_the_definitions(
    backend: Backend, plan: Maker, cell: Any, optimizer: str, clipping: str
) -> None:
    """A loop in Keras, where fewer steps are unrolled."""
    own = {
        "optimizer": {"kind": optimizer},
        "learning_rate": None,
        "clipping": CLIPPINGS[clipping],
        "steps": 20,
    }
    long = adding(plan, cell, 50, **own)
    assert_none_is_broken(judged(backend.program(long, "cpu"), long, [0, 19]), at_least=2)


@OVER_CELLS
def test_float32_steps_are_the_definitions(backend: Backend, plan: Maker, cell: Any) -> None:
    long = by_row(plan, cell, precision="float32", steps=5, activation="relu", initialization="he")
    assert_none_is_broken(judged(backend.program(long, "cpu"), long, [0, 4]), at_least=2)


@OVER_CELLS
def test_one_step_of_time_is_a_network_too(
    backend: Backend, definition: Backend, plan: Maker, cell: Any
) -> None:
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
        traced = jax.make_jaxpr(lambda x: network.apply({"params": params(long.network, held)}, x))(
            np.zeros((4, time, 2))
        )
        return len(str(traced).splitlines())

    assert operations(100) == operations(1000)
