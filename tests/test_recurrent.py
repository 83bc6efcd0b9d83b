"""Recurrent cells: the definition by difference quotients, and the frameworks against it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.backend import Backend
from common.countermeasures.activation import Activation, ReLU, Tanh
from common.countermeasures.recurrent import GRU, LSTM, SimpleRNN, Step
from common.errors import UserError
from common.network import Arrays
from tests.compared import differing
from tests.derived import SIZES, Maker, assert_derived_by_hand
from tests.sequences import CELLS, OVER_CELLS, by_row
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
