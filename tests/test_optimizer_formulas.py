"""The optimizer's formulas by hand, in the definition and the three frameworks, and what the room
says of a kind.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from tests.optimizers import BY_KIND, FEW, numbers, with_numbers


def one_weight(
    wing: Backend, spec: Optimizer, gradients: list[float], weight: float = 0.0
) -> float:
    given_ = {
        "w": np.full((1, 1), weight),
        "w.gradients": np.array(gradients, float)[:, None, None],
    }
    return float(wing.optimizer.probe(spec, given_)["w"][0, 0])


def test_momentum_adds_up_what_the_gradients_were(definition: Backend, backend: Backend) -> None:
    # velocities 1, 2.5, 4.25 for gradients 1, 2, 3 and a momentum of a half
    for wing in (definition, backend):
        assert one_weight(
            wing, Momentum(learning_rate=0.1, momentum=0.5), [1, 2, 3]
        ) == pytest.approx(-0.775, rel=1e-15)


def test_nesterov_looks_ahead(definition: Backend, backend: Backend) -> None:
    # directions 1 + 0.5, 2 + 1.25, 3 + 2.125
    for wing in (definition, backend):
        assert one_weight(
            wing, Nesterov(learning_rate=0.1, momentum=0.5), [1, 2, 3]
        ) == pytest.approx(-0.9875, rel=1e-15)


@pytest.mark.parametrize("g", [1e-12, 1e-8, -1e-8, 1e-4, 1.0, -1e6])
def test_the_first_step_of_adam_is_the_sign_of_the_gradient_as_far_as_epsilon_lets_it(
    definition: Backend, backend: Backend, g: float
) -> None:
    spec = Adam(learning_rate=0.01, epsilon=1e-8)
    for wing in (definition, backend):
        assert one_weight(wing, spec, [g]) == pytest.approx(-0.01 * g / (abs(g) + 1e-8), rel=1e-13)


def test_adam_steps_by_the_learning_rate_while_the_gradient_stays_the_same(
    definition: Backend, backend: Backend
) -> None:
    for wing in (definition, backend):
        assert one_weight(wing, Adam(learning_rate=0.01), [3.0] * 20) == pytest.approx(
            -0.2, rel=1e-7
        )


def test_a_weight_without_gradients_decays_by_itself_with_adamw(
    definition: Backend, backend: Backend
) -> None:
    spec = AdamW(learning_rate=0.1, weight_decay=0.5)
    for wing in (definition, backend):
        assert one_weight(wing, spec, [0.0] * 7, weight=2.0) == pytest.approx(
            2 * 0.95**7, rel=1e-14
        )


def test_the_decay_is_no_part_of_the_moments(definition: Backend, backend: Backend) -> None:
    given_ = {"w": np.array([[2.0]]), "w.gradients": np.full((3, 1, 1), 0.5)}
    for wing in (definition, backend):
        with_decay, without = (
            wing.optimizer.probe(spec, given_) for spec in (AdamW(weight_decay=0.5), Adam())
        )
        for slot in slots(Adam()):
            assert np.array_equal(with_decay[f"w.{slot}"], without[f"w.{slot}"])


def test_rmsprop_begins_without_a_bias_correction(definition: Backend, backend: Backend) -> None:
    spec = RMSprop(learning_rate=0.01, rho=0.9, epsilon=1e-8)
    for wing in (definition, backend):
        for g in (1e-8, 1e-3, -2.0):
            expected = -0.01 * g / (np.sqrt(0.1) * abs(g) + 1e-8)
            assert one_weight(wing, spec, [g]) == pytest.approx(expected, rel=1e-13)


def test_a_vanished_gradient_trains_by_its_size_over_epsilon(
    definition: Backend, backend: Backend
) -> None:
    for wing in (definition, backend):
        tiny = abs(one_weight(wing, Adam(learning_rate=1.0), [1e-12]))
        assert tiny == pytest.approx(1e-4, rel=1e-3)
        assert abs(
            one_weight(wing, Adam(learning_rate=1.0, epsilon=1e-30), [1e-12])
        ) == pytest.approx(1.0, rel=1e-12)


# The room


@BY_KIND
def test_every_number_of_a_step_is_a_coefficient_and_the_rates_are_the_kinds_own(kind: Any) -> None:
    spec = kind()
    assert set(spec.traced) <= set(coefficients(spec))
    assert spec.learning_rate == (0.03 if linear(spec) else 1e-3)


def test_what_beta2_leaves_of_1_is_that_of_float64() -> None:
    found = coefficients(Adam(beta2=0.999))
    assert found["one_minus_beta2"] == 1 - 0.999
    assert corrections(Adam(beta1=0.9, beta2=0.999), 3) == {
        "correction1": 1 - 0.9**3,
        "correction2": 1 - 0.999**3,
    }
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
