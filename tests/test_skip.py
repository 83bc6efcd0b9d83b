"""Skip connections: the three frameworks against the definition, and what a connection promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from common import draw, task
from common.architectures import Perceptron
from common.backend import Backend
from common.countermeasures.skip import Highway, Residual, ReZero, Skip, own_parameters
from common.plan import Plan
from experiments.judging import batch_of
from tests.compared import differing
from tests.derived import SIZES, Maker, assert_derived_by_hand
from tests.pairs import covering
from tests.strategies import float64s, floats

FEW = settings(max_examples=25, deadline=None)
UNITS = 3
SPECS: dict[str, Skip] = {
    "residual": Residual(),
    "a tenth": Residual(scale=0.1),
    "rezero": ReZero(),
    "rezero at -0.7": ReZero(initial_scale=-0.7),
    "highway": Highway(),
    "highway at -3": Highway(initial_bias=-3.0),
}
ORDERS: dict[str, dict[str, Any]] = {
    "pre-activation": {"kind": "residual", "order": "pre-activation", "scale": 0.3},
    "post-activation": {"kind": "residual", "order": "post-activation", "scale": 0.3},
    "around": {"kind": "residual", "order": "around", "scale": 0.3},
    "rezero, pre-activation": {"kind": "rezero", "initial_scale": 0.2, "order": "pre-activation"},
    "rezero, post-activation": {"kind": "rezero", "initial_scale": 0.2, "order": "post-activation"},
    "rezero, around": {"kind": "rezero", "initial_scale": 0.2, "order": "around"},
    "highway": {"kind": "highway"},
}
PARTS = {
    "order": list(ORDERS),
    "normalization": ["none", "batch"],
    "activation": ["relu", "prelu", "tanh"],
}
EVERY_TWO = [tuple(kinds[row[room]] for room, kinds in PARTS.items()) for row in covering(PARTS)]
"""Each pair of them stands in one network at least."""

over_specs = pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
over_orders = pytest.mark.parametrize("skip", ORDERS.values(), ids=list(ORDERS))


def inputs(spec: Skip, x: np.ndarray, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    """What `probe` takes, with a map and parameters that are all different."""
    rng = np.random.default_rng(0)
    own = {
        name: np.asarray(one.start if one.start != "drawn" else 0.0)
        for name, one in own_parameters(spec, UNITS).items()
    }
    shapes = {name: one.shape for name, one in own_parameters(spec, UNITS).items()}
    drawn = {
        name: own[name] + 0.1 * rng.standard_normal(shape) * (spec != ReZero())
        for name, shape in shapes.items()
    }
    return {"x": x, "cotangent": cotangent, "weight": rng.standard_normal((UNITS, UNITS)), **drawn}


@over_specs
@FEW
@given(
    x=float64s((4, UNITS), floats(-10, 10, [0.0, -0.0, 1e-300, 1e3, -1e3])),
    cotangent=float64s((4, UNITS), floats(-2, 2, [0.0])),
)
def test_values_and_gradients_are_the_definitions(
    backend: Backend, definition: Backend, spec: Skip, x: np.ndarray, cotangent: np.ndarray
) -> None:
    given_inputs = inputs(spec, x, cotangent)
    expected, found = (wing.skip.probe(spec, given_inputs) for wing in (definition, backend))
    assert set(found) == set(expected)
    size = max(1.0, np.abs(x).max()) ** 2  # a gate's gradient is a sum of products of x with f - x
    for name, value in expected.items():
        assert found[name].shape == value.shape, name
        assert np.abs(found[name] - value).max() <= 1e-12 * size, name


@over_specs
def test_ordinary_inputs_agree_to_1e_12_of_their_own_size(
    backend: Backend, definition: Backend, spec: Skip
) -> None:
    rng = np.random.default_rng(1)
    given_inputs = inputs(spec, rng.standard_normal((8, UNITS)), rng.standard_normal((8, UNITS)))
    expected, found = (wing.skip.probe(spec, given_inputs) for wing in (definition, backend))
    for name, value in expected.items():
        assert np.abs(found[name] - value).max() <= 1e-12 * np.abs(value).max(), name


@pytest.mark.parametrize("activation", ["tanh", "prelu"])
@pytest.mark.parametrize("normalization", ["none", "batch"])
@over_orders
def test_the_gradient_derived_by_hand_is_the_difference_quotient(
    plan: Maker, skip: dict[str, Any], normalization: str, activation: str
) -> None:
    assert_derived_by_hand(
        plan(**SIZES, activation=activation, normalization=normalization, skip=skip)
    )


@pytest.mark.parametrize(("order", "normalization", "activation"), EVERY_TWO)
def test_a_step_with_it_is_the_definitions(
    backend: Backend,
    definition: Backend,
    plan: Maker,
    order: str,
    normalization: str,
    activation: str,
) -> None:
    small = plan(
        features=64,
        classes=10,
        depth=5,
        skip=ORDERS[order],
        normalization=normalization,
        activation=activation,
    )
    assert not differing(backend, definition, small)


def signals(wing: Backend, plan: Plan) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Signal gradients [seed, layer] of the first step, and the gradients of the parameters."""
    program = wing.program(plan, "cpu")
    program.load(draw.state(plan))
    measured = program.measured(program.step(batch_of(plan, task.load(plan.task), 0)))
    return measured["signal_gradient_rms"], program.gradients().parameters


@pytest.mark.parametrize("order", ["pre-activation", "around"])
def test_at_a_scale_of_0_every_layer_is_the_identity(
    backend: Backend, plan: Maker, order: str
) -> None:
    """All layers get the same gradient, whatever the depth; that of their weights is 0, and only
    the scale's is not.
    """
    deep = plan(
        features=64,
        classes=10,
        depth=50,
        activation="relu",
        skip={"kind": "rezero", "order": order},
    )
    signal, gradients = signals(backend, deep)
    assert np.ptp(signal, axis=1).max() <= 1e-15 * signal.max()
    assert not gradients["hidden.weight"].any()
    assert gradients["hidden.skip_scale"].all()


def test_a_closed_gate_passes_everything(backend: Backend, plan: Maker) -> None:
    signal, _ = signals(
        backend,
        plan(features=64, classes=10, depth=50, skip={"kind": "highway", "initial_bias": -800.0}),
    )
    assert np.ptp(signal, axis=1).max() <= 1e-15 * signal.max()


CLEAR = [
    *(kind for kind in ORDERS.values() if kind.get("order") == "around"),
    {"kind": "highway", "initial_bias": -3.0},
]


@pytest.mark.parametrize("skip", [*CLEAR, ORDERS["pre-activation"]])
def test_a_connection_brings_back_the_gradient_that_the_plain_network_lost(
    backend: Backend, plan: Maker, skip: dict[str, Any]
) -> None:
    numbers: dict[str, Any] = {"features": 64, "classes": 10, "depth": 50, "activation": "sigmoid"}
    plain, _ = signals(backend, plan(**numbers))
    connected, _ = signals(backend, plan(**numbers, skip=skip))
    assert (plain[:, 0] < 1e-20 * plain[:, -1]).all()
    assert (connected[:, 0] > 1e-4 * connected[:, -1]).all()


def test_a_layers_weights_are_drawn_alike_with_and_without_it(plan: Maker) -> None:
    plain, highway = (draw.state(plan(skip=skip)).parameters for skip in ("none", "highway"))
    for name, value in plain.items():
        assert np.array_equal(value, highway[name]), name
    assert not np.array_equal(highway["hidden.gate_weight"], highway["hidden.weight"])


def test_the_first_layer_has_no_connection_and_no_name_is_taken_twice() -> None:
    for skip in ORDERS.values():
        network = Perceptron.model_validate(
            {
                "features": 5,
                "classes": 3,
                "width": 4,
                "depth": 3,
                "activation": "prelu",
                "normalization": "batch",
                "skip": skip,
            }
        )
        first, hidden, _ = network.stacks()
        assert not any("skip" in name or "gate" in name for name in first.parameters)
        held = [name for part in hidden.block for name in part.parameters(4)]
        assert len(held) == len(set(held))


def test_no_network_with_batch_norm_has_a_bias_that_does_nothing(plan: Maker) -> None:
    for skip in ORDERS.values():
        names = plan(normalization="batch", skip=skip).network.shapes()
        assert [name for name in names if name.endswith(".bias")] == ["output.bias"]
