"""The share of dead units in every wing is the one that is counted by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import ndtr

from common import draw
from common.backend import Backend
from common.countermeasures.activation import SELU_SCALE, Activation
from common.network import Batch, State
from common.plan import Plan
from tests.strategies import every

EPS = float(np.finfo(np.float64).eps)

SAMPLES, COPIES = 32, 9
FAR_OUT = 1e4  # where sigmoid and tanh are dead on both sides, relu and elu below
# weight and bias of the pre-activation, for a unit whose input is 0 for all samples but the last,
# and there 1
UNITS = {
    "passes its input on": (1.0, 0.0),
    "below for all": (0.0, -FAR_OUT),
    "above for all": (0.0, FAR_OUT),
    "alive for the last sample alone, else below": (FAR_OUT, 0.5 - FAR_OUT),
    "alive for the last sample alone, else above": (-FAR_OUT, 0.5 + FAR_OUT),
    "below for the last sample alone": (-FAR_OUT, 0.5),
    "above for the last sample alone": (FAR_OUT, 0.5),
    "below, and for the last sample above": (2 * FAR_OUT, -FAR_OUT),
}
AWAKE = UNITS | {"below for all": (0.0, 0.5)}
ASLEEP = dict.fromkeys(UNITS, (0.0, -FAR_OUT))
LAYERS = [[UNITS, AWAKE, ASLEEP], [AWAKE, UNITS, AWAKE]]  # of seed 0 and of seed 1
DEAD_BY_HAND = {  # eighths of each
    "relu": [[1, 0, 8], [0, 1, 0]],
    "elu": [[1, 0, 8], [0, 1, 0]],
    "prelu of slope 0": [[1, 0, 8], [0, 1, 0]],
    "selu": [[1, 0, 8], [0, 1, 0]],
    "gelu": [[1, 0, 8], [0, 1, 0]],
    "silu": [[1, 0, 8], [0, 1, 0]],
    "sigmoid": [[3, 2, 8], [2, 3, 2]],
    "tanh": [[3, 2, 8], [2, 3, 2]],
    "identity": [[0, 0, 0], [0, 0, 0]],
    "leaky_relu": [[0, 0, 0], [0, 0, 0]],
    "prelu": [[0, 0, 0], [0, 0, 0]],
}
PASSED_ON = {
    "sigmoid": (0.5, 1 / (1 + np.exp(-1.0))),
    "tanh": (0.0, np.tanh(1.0)),
    "selu": (0.0, SELU_SCALE),
    "gelu": (0.0, ndtr(1.0)),
    "silu": (0.0, 1 / (1 + np.exp(-1.0))),
}
"""The first unit's output for an input of 0 and of 1, where it is not 0 and 1."""
EACH_KIND = pytest.mark.parametrize("kind", DEAD_BY_HAND)


def test_every_kind_of_activation_is_counted_by_hand() -> None:
    assert {spec.kind for spec in every(Activation)} <= set(DEAD_BY_HAND)


def dead_plan(plan: Callable[..., Plan], kind: str, precision: str = "float64") -> Plan:
    activation = {"kind": "prelu", "initial_slope": 0} if kind == "prelu of slope 0" else kind
    sizes = {
        "features": 1,
        "width": len(UNITS) * COPIES,
        "depth": 3,
        "batch_size": SAMPLES,
        "steps": 1,
    }
    return plan(**sizes, activation=activation, precision=precision)


def dead_start(plan: Plan, kind: str) -> State:
    """Weights that give the units of each layer the pre-activations of `LAYERS`, every unit
    `COPIES` times.
    """
    start = draw.state(plan)
    for name, a in start.parameters.items():
        a[:] = a if name.endswith("slope") or name.startswith("output") else 0
    low, high = PASSED_ON.get(kind, (0.0, 1.0))
    for seed, layers in enumerate(LAYERS):
        for layer, units in enumerate(layers):
            weight, bias = np.repeat(list(units.values()), COPIES, axis=0).T
            if layer:  # its input is the output of the unit that passes on, brought back to 0 and 1
                weight = weight / (high - low)
                bias = bias - weight * low
            stack, i = ("hidden", layer - 1) if layer else ("first", 0)
            start.parameters[f"{stack}.weight"][seed, i, 0] = weight
            start.parameters[f"{stack}.bias"][seed, i] = bias
    return start


def dead_fraction(wing: Backend, plan: Plan, start: State, nan: bool = False) -> np.ndarray:
    """[seed, layer] of one step on samples of 0 with a last one of 1, and perhaps a NaN among
    them.
    """
    samples = np.zeros((2, SAMPLES, 1))
    samples[:, -1] = 1
    samples[:, SAMPLES // 2] = np.nan if nan else 0
    program = wing.program(plan, "cpu")
    program.load(start)
    return program.measured(program.step(Batch(samples, np.zeros((2, SAMPLES), int))))[
        "dead_fraction"
    ]


@EACH_KIND
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_dead_fraction_is_the_one_counted_by_hand(
    wing: Backend, plan: Callable[..., Plan], kind: str, precision: str
) -> None:
    one = dead_plan(plan, kind, precision)
    found = dead_fraction(wing, one, dead_start(one, kind))
    rounding = 2 * float(np.finfo(precision).eps)
    assert np.allclose(found, np.array(DEAD_BY_HAND[kind]) / 8, rtol=rounding, atol=0)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_single_dead_unit_of_many_keeps_its_digits(
    wing: Backend, plan: Callable[..., Plan], precision: str
) -> None:
    one = dead_plan(plan, "relu", precision)
    start = dead_start(one, "relu")
    start.parameters["first.bias"][1, 0, -1] = -3 * FAR_OUT
    assert dead_fraction(wing, one, start)[1, 0] == pytest.approx(
        1 / (8 * COPIES), rel=2 * float(np.finfo(precision).eps)
    )


@EACH_KIND
def test_a_unit_with_a_nan_is_not_dead_by_it_and_changes_no_other(
    wing: Backend, plan: Callable[..., Plan], kind: str
) -> None:
    one = dead_plan(plan, kind)
    start = dead_start(one, kind)
    # of all its samples
    start.parameters["first.bias"][0, 0, [*UNITS].index("below for all") * COPIES] = np.nan
    found = dead_fraction(wing, one, start)
    expected = np.array(DEAD_BY_HAND[kind]) / 8
    # what comes after it is NaN throughout
    expected[0] = [
        max(0, DEAD_BY_HAND[kind][0][0] * COPIES - 1) / (8 * COPIES),
        0,
        0,
    ]
    assert np.allclose(found, expected, rtol=2 * EPS, atol=0)


@EACH_KIND
def test_where_one_sample_is_nan_no_unit_is_dead(
    wing: Backend, plan: Callable[..., Plan], kind: str
) -> None:
    one = dead_plan(plan, kind)
    assert np.array_equal(
        dead_fraction(wing, one, dead_start(one, kind), nan=True), np.zeros((2, 3))
    )


@pytest.mark.parametrize(
    ("kind", "infinity", "dead"),
    [("relu", np.inf, 0), ("elu", np.inf, 0), ("leaky_relu", -np.inf, 0), ("leaky_relu", np.inf, 0),
        ("prelu", -np.inf, 0),
     ("relu", -np.inf, 1), ("elu", -np.inf, 1), ("sigmoid", np.inf, 1), ("tanh", -np.inf, 1),
     ("identity", -np.inf, 0),
     ("selu", -np.inf, 1), ("gelu", -np.inf, 1), ("gelu", np.inf, 0), ("silu", -np.inf, 1),
     ("silu", np.inf, 0)],
)  # fmt: skip
def test_an_infinite_pre_activation_is_dead_where_the_limit_of_the_derivative_is_0(
    wing: Backend, plan: Callable[..., Plan], kind: str, infinity: float, dead: int
) -> None:
    one = dead_plan(plan, kind)
    start = dead_start(one, kind)
    start.parameters["first.bias"][:, 0] = infinity
    assert np.array_equal(dead_fraction(wing, one, start)[:, 0], [dead, dead])
