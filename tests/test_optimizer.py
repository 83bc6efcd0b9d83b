"""The optimizer: the three frameworks against the definition, its formulas by hand, and how the shipped forms depart."""

from __future__ import annotations

import importlib
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common import draw, task
from common.backend import Backend
from common.countermeasures.optimizer import (
    SGD,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Optimizer,
    RMSprop,
    coefficients,
    corrections,
    linear,
    slots,
    steepest,
)
from experiments.judging import batch_of
from tests.compared import differing, scaled_error
from tests.conftest import load
from tests.strategies import float64s, floats
from tests.test_parity import Maker

KINDS: list[Any] = list(get_args(get_args(Optimizer)[0]))
BY_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
FEW = settings(max_examples=25, deadline=None)
STEPS = 5
AWKWARD = [0.0, 1e-12, -1e-8, 1e-8, 1e-30, 1e-150, -1e12, 1e100]
WEIGHTS = float64s((2, 3, 2, 2), floats(-10, 10, [0.0]))
GRADIENTS = float64s((STEPS, 2, 3, 2, 2), floats(-10, 10, AWKWARD))
Arrays = dict[str, np.ndarray]


def inputs(weight: np.ndarray, gradients: np.ndarray) -> Arrays:
    """A weight, and a bias with some of its gradients, so that there is more than one parameter."""
    return {
        "weight": weight,
        "bias": weight[..., 0],
        "weight.gradients": gradients,
        "bias.gradients": gradients[..., 1],
    }


def largest_on_the_way(definition: Backend, spec: Optimizer, given_: Arrays) -> Arrays:
    """The largest size of each element at any step: what two steps of opposite signs leave has the rounding of both."""
    largest = {name: np.abs(value) for name, value in given_.items() if not name.endswith(".gradients")}
    for steps in range(1, STEPS + 1):
        short = {name: value[:steps] if name.endswith(".gradients") else value for name, value in given_.items()}
        for name, value in definition.optimizer.probe(spec, short).items():
            largest[name] = np.fmax(largest.get(name, 0.0), np.abs(value))
    return largest


def assert_equal(found: Arrays, expected: Arrays, sizes: Arrays, lost: float = 0.0) -> None:
    """To 1e-12 of each element's size, beside what is lost of a moment below the smallest normal number: some flush it to 0."""
    for name, value in expected.items():
        assert found[name].shape == value.shape
        finite = np.isfinite(value)
        assert np.array_equal(np.isfinite(found[name]), finite), name
        error = np.abs(found[name][finite] - value[finite])
        size = sizes[name][finite]
        assert (error <= lost + 1e-12 * np.maximum(size, 1e-12 * size.max(initial=0.0) + 1e-290)).all(), name


numbers = st.fixed_dictionaries(
    {
        "momentum": st.sampled_from([0.0, 0.5, 0.9, 0.99]),
        "beta1": st.sampled_from([0.0, 0.5, 0.9]),
        "beta2": st.sampled_from([0.0, 0.9, 0.999, 0.9999]),
        "rho": st.sampled_from([0.0, 0.9, 0.99]),
        "epsilon": st.sampled_from([1e-30, 1e-8, 1e-3]),
        "weight_decay": st.sampled_from([0.0, 1e-2, 0.5]),
        "learning_rate": st.sampled_from([1e-3, 0.1, 1.0]),
    }
)


def with_numbers(kind: Any, drawn: dict[str, float]) -> Optimizer:
    return kind(**{name: value for name, value in drawn.items() if name in kind.traced})


OPPOSED = np.zeros((STEPS, 2, 3, 2, 2))
OPPOSED[0, 1, 2, 1, 1], OPPOSED[1, 1, 2, 1, 1] = -0.0625, 5.5  # two steps of RMSprop that leave 6e-5 of either
OPPOSED_STEPS = example(
    weight=np.zeros((2, 3, 2, 2)),
    gradients=OPPOSED,
    drawn={
        "momentum": 0.0,
        "beta1": 0.0,
        "beta2": 0.0,
        "rho": 0.9,
        "epsilon": 1e-30,
        "weight_decay": 0.0,
        "learning_rate": 1e-3,
    },
)


@BY_KIND
@FEW
@OPPOSED_STEPS
@given(weight=WEIGHTS, gradients=GRADIENTS, drawn=numbers)
def test_steps_are_the_definitions(
    backend: Backend, definition: Backend, kind: Any, weight: np.ndarray, gradients: np.ndarray, drawn: dict[str, float]
) -> None:
    spec, given_ = with_numbers(kind, drawn), inputs(weight, gradients)
    lost = 4 * STEPS * spec.learning_rate * steepest(spec) * float(np.finfo(float).tiny)
    sizes = largest_on_the_way(definition, spec, given_)
    assert_equal(backend.optimizer.probe(spec, given_), definition.optimizer.probe(spec, given_), sizes, lost)


@BY_KIND
@FEW
@OPPOSED_STEPS
@given(weight=WEIGHTS, gradients=GRADIENTS, drawn=numbers)
def test_steps_of_what_a_reader_builds_are_the_definitions(
    backend: Backend, definition: Backend, kind: Any, weight: np.ndarray, gradients: np.ndarray, drawn: dict[str, float]
) -> None:
    wing, spec = backend.optimizer, with_numbers(kind, drawn)
    given_ = inputs(weight, np.clip(gradients, -1e12, 1e12))
    found, expected = wing.probe(spec, given_, wing.build), definition.optimizer.probe(spec, given_)
    sizes = largest_on_the_way(definition, spec, given_)
    for name in ("weight", "bias"):  # an update is seen beside a weight to the rounding of what has been added to it
        largest = sizes[name].max()
        assert np.abs(found[name] - expected[name]).max() <= 1e-12 * max(largest, 1e-290)


@BY_KIND
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_is_seen_in_its_own_weight_alone(
    backend: Backend, definition: Backend, kind: Any, bad: float
) -> None:
    gradients = np.ones((STEPS, 1, 2, 2, 2))
    gradients[1, 0, 1, 0, 1] = bad
    given_ = inputs(np.zeros((1, 2, 2, 2)), gradients)
    for wing in (definition, backend):
        weight = wing.optimizer.probe(kind(), given_)["weight"]
        assert not np.isfinite(weight[0, 1, 0, 1])
        assert np.isfinite(weight).sum() == weight.size - 1


@BY_KIND
def test_a_step_of_a_network_with_it_is_the_definitions(backend: Backend, definition: Backend, plan: Maker, kind: Any) -> None:
    for clipping in ("none", {"kind": "norm", "threshold": 1e-3}):
        one = plan(features=64, classes=10, optimizer={"kind": kind().kind}, learning_rate=None, clipping=clipping)
        assert not differing(backend, definition, one), clipping


@BY_KIND
def test_a_run_that_is_fetched_and_loaded_again_goes_on_as_before(backend: Backend, plan: Maker, kind: Any) -> None:
    one = plan(features=64, classes=10, optimizer={"kind": kind().kind}, learning_rate=None, steps=6)
    data = task.load(one.task)
    whole, parted = backend.program(one, "cpu"), backend.program(one, "cpu")
    whole.load(draw.state(one))
    parted.load(draw.state(one))
    for step in range(6):
        whole.step(batch_of(one, data, step))
        parted.step(batch_of(one, data, step))
        parted.load(parted.state(), one)
    found, expected = parted.state(), whole.state()
    assert found.steps == expected.steps == 6
    assert set(expected.optimizer) == {f"{name}.{slot}" for name in expected.parameters for slot in slots(kind())}
    for name, value in (expected.parameters | expected.optimizer).items():
        assert np.array_equal((found.parameters | found.optimizer)[name], value), name


@BY_KIND
def test_the_update_ratio_is_that_of_what_was_added(backend: Backend, plan: Maker, kind: Any) -> None:
    one = plan(features=64, classes=10, optimizer={"kind": kind().kind}, learning_rate=None)
    program, data = backend.program(one, "cpu"), task.load(one.task)
    program.load(draw.state(one))
    for step in range(3):
        before = program.state().parameters["hidden.weight"]
        ratio = program.measured(program.step(batch_of(one, data, step)))["update_ratio"][:, 1:]
        moved = program.state().parameters["hidden.weight"] - before
        expected = np.sqrt((moved**2).mean((2, 3)) / (before**2).mean((2, 3)))
        assert np.allclose(ratio, expected, rtol=1e-10, atol=0), step


# By hand


def one_weight(wing: Backend, spec: Optimizer, gradients: list[float], weight: float = 0.0) -> float:
    given_ = {"w": np.full((1, 1), weight), "w.gradients": np.array(gradients, float)[:, None, None]}
    return float(wing.optimizer.probe(spec, given_)["w"][0, 0])


def test_momentum_adds_up_what_the_gradients_were(definition: Backend, backend: Backend) -> None:
    # velocities 1, 2.5, 4.25 for gradients 1, 2, 3 and a momentum of a half
    for wing in (definition, backend):
        assert one_weight(wing, Momentum(learning_rate=0.1, momentum=0.5), [1, 2, 3]) == pytest.approx(-0.775, rel=1e-15)


def test_nesterov_looks_ahead(definition: Backend, backend: Backend) -> None:
    # directions 1 + 0.5, 2 + 1.25, 3 + 2.125
    for wing in (definition, backend):
        assert one_weight(wing, Nesterov(learning_rate=0.1, momentum=0.5), [1, 2, 3]) == pytest.approx(-0.9875, rel=1e-15)


@pytest.mark.parametrize("g", [1e-12, 1e-8, -1e-8, 1e-4, 1.0, -1e6])
def test_the_first_step_of_adam_is_the_sign_of_the_gradient_as_far_as_epsilon_lets_it(
    definition: Backend, backend: Backend, g: float
) -> None:
    spec = Adam(learning_rate=0.01, epsilon=1e-8)
    for wing in (definition, backend):
        assert one_weight(wing, spec, [g]) == pytest.approx(-0.01 * g / (abs(g) + 1e-8), rel=1e-13)


def test_adam_steps_by_the_learning_rate_while_the_gradient_stays_the_same(definition: Backend, backend: Backend) -> None:
    for wing in (definition, backend):
        assert one_weight(wing, Adam(learning_rate=0.01), [3.0] * 20) == pytest.approx(-0.2, rel=1e-7)


def test_a_weight_without_gradients_decays_by_itself_with_adamw(definition: Backend, backend: Backend) -> None:
    spec = AdamW(learning_rate=0.1, weight_decay=0.5)
    for wing in (definition, backend):
        assert one_weight(wing, spec, [0.0] * 7, weight=2.0) == pytest.approx(2 * 0.95**7, rel=1e-14)


def test_the_decay_is_no_part_of_the_moments(definition: Backend, backend: Backend) -> None:
    given_ = {"w": np.array([[2.0]]), "w.gradients": np.full((3, 1, 1), 0.5)}
    for wing in (definition, backend):
        with_decay, without = (wing.optimizer.probe(spec, given_) for spec in (AdamW(weight_decay=0.5), Adam()))
        for slot in slots(Adam()):
            assert np.array_equal(with_decay[f"w.{slot}"], without[f"w.{slot}"])


def test_rmsprop_begins_without_a_bias_correction(definition: Backend, backend: Backend) -> None:
    spec = RMSprop(learning_rate=0.01, rho=0.9, epsilon=1e-8)
    for wing in (definition, backend):
        for g in (1e-8, 1e-3, -2.0):
            expected = -0.01 * g / (np.sqrt(0.1) * abs(g) + 1e-8)
            assert one_weight(wing, spec, [g]) == pytest.approx(expected, rel=1e-13)


def test_a_vanished_gradient_trains_by_its_size_over_epsilon(definition: Backend, backend: Backend) -> None:
    for wing in (definition, backend):
        tiny = abs(one_weight(wing, Adam(learning_rate=1.0), [1e-12]))
        assert tiny == pytest.approx(1e-4, rel=1e-3)
        assert abs(one_weight(wing, Adam(learning_rate=1.0, epsilon=1e-30), [1e-12])) == pytest.approx(1.0, rel=1e-12)


# The room


@BY_KIND
def test_every_number_of_a_step_is_a_coefficient_and_the_rates_are_the_kinds_own(kind: Any) -> None:
    spec = kind()
    assert set(spec.traced) <= set(coefficients(spec))
    assert spec.learning_rate == (0.03 if linear(spec) else 1e-3)


def test_what_beta2_leaves_of_1_is_that_of_float64() -> None:
    found = coefficients(Adam(beta2=0.999))
    assert found["one_minus_beta2"] == 1 - 0.999
    assert corrections(Adam(beta1=0.9, beta2=0.999), 3) == {"correction1": 1 - 0.9**3, "correction2": 1 - 0.999**3}
    assert corrections(SGD(), 3) == {}


@BY_KIND
@FEW
@given(a=st.floats(-10, 10), change=st.floats(-1, 1), drawn=numbers)
def test_no_direction_is_steeper_than_it_is_said_to_be(
    definition: Backend, kind: Any, a: float, change: float, drawn: dict[str, float]
) -> None:
    spec = with_numbers(kind, drawn | {"learning_rate": 1.0})
    apart = abs(one_weight(definition, spec, [a]) - one_weight(definition, spec, [a + change]))
    assert apart <= steepest(spec) * abs((a + change) - a) * (1 + 1e-9) + 1e-13


# What ships otherwise


def test_keras_own_adam_steps_a_vanished_gradient_a_hundredth_as_far(request: pytest.FixtureRequest) -> None:
    wing = load("keras", request.config)
    given_ = {"w": np.zeros((1, 1)), "w.gradients": np.full((1, 1, 1), 1e-8)}
    shipped, built = (
        wing.optimizer.probe(Adam(), given_, form)["w"][0, 0] for form in (wing.optimizer.native, wing.optimizer.build)
    )
    assert built / -1e-3 == pytest.approx(0.5, rel=1e-6)
    assert shipped / -1e-3 == pytest.approx(3.2e-3, rel=0.02)


def test_keras_takes_a_python_number_through_float32(request: pytest.FixtureRequest) -> None:
    wing, keras = load("keras", request.config), importlib.import_module("keras")
    given_ = {"w": np.zeros((1, 1)), "w.gradients": np.ones((2, 1, 1))}
    found = wing.optimizer.probe(Momentum(), given_, lambda spec: keras.optimizers.SGD(1.0, momentum=0.9))["w"][0, 0]
    assert found == pytest.approx(-(1 + 1 + np.float64(np.float32(0.9))), rel=1e-15)
    assert abs(found + 2.9) > 1e-8


def test_optaxs_own_rmsprop_has_epsilon_inside_the_root(request: pytest.FixtureRequest) -> None:
    wing = load("jax", request.config)
    given_ = {"w": np.zeros((1, 1)), "w.gradients": np.full((1, 1, 1), 1e-8)}
    spec = RMSprop(learning_rate=1.0)
    built = wing.optimizer.probe(spec, given_, wing.optimizer.build)["w"][0, 0]
    shipped = wing.optimizer.probe(spec, given_, lambda spec: wing.optimizer.native(spec)(1.0))["w"][0, 0]
    assert built == pytest.approx(-0.76, rel=0.01)
    assert shipped == pytest.approx(-1e-4, rel=0.01)


def test_pytorchs_own_rmsprop_keeps_99_parts_of_a_hundred(request: pytest.FixtureRequest) -> None:
    wing = load("torch", request.config)
    given_ = {"w": np.zeros((1, 1)), "w.gradients": np.ones((1, 1, 1))}
    shipped = wing.optimizer.probe(RMSprop(), given_, wing.optimizer.native)["w"][0, 0]
    assert shipped == pytest.approx(-0.01 / np.sqrt(1 - 0.99), rel=1e-6)


def test_pytorchs_weight_decay_is_in_the_gradient_of_adam(request: pytest.FixtureRequest) -> None:
    load("torch", request.config)
    torch = importlib.import_module("torch")
    moved = []
    for kind in (torch.optim.Adam, torch.optim.AdamW):
        w = torch.nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
        w.grad = torch.zeros_like(w)
        kind([w], lr=0.1, weight_decay=0.5).step()
        moved.append(2.0 - w.item())
    assert moved == pytest.approx([0.1, 0.1], rel=1e-6)
    w = torch.nn.Parameter(torch.tensor([20.0], dtype=torch.float64))
    w.grad = torch.zeros_like(w)
    torch.optim.Adam([w], lr=0.1, weight_decay=0.5).step()
    assert 20.0 - w.item() == pytest.approx(0.1, rel=1e-6), "whatever the weight is"


def test_clipping_comes_before_the_optimizer_and_decay_is_not_clipped(
    backend: Backend, definition: Backend, plan: Maker
) -> None:
    clipping = {"kind": "value", "threshold": 1e-6}
    one = plan(features=64, classes=10, clipping=clipping, optimizer={"kind": "adamw", "weight_decay": 0.5}, learning_rate=1e-3)
    for wing in (definition, backend):
        program = wing.program(one, "cpu")
        program.load(draw.state(one))
        program.step(batch_of(one, task.load(one.task), 0))
        state, clipped = program.state(), program.gradients().clipped["hidden.weight"]
        assert np.abs(clipped).max() <= 1e-6
        assert scaled_error(state.optimizer["hidden.weight.first_moment"], 0.1 * clipped) <= 1e-12
