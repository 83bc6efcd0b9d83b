"""What the page expects by mean-field theory, against closed forms, a published point, and the
definition.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import backends
from common.countermeasures.activation import Identity, LeakyReLU, ReLU, Sigmoid, Tanh
from common.countermeasures.initialization import Constant, Gaussian, He, TorchDefault, Xavier
from common.plan import Plan
from experiments.findings import theory
from experiments.working import Job, Worker

Make = Callable[..., Plan]


def ratio(plan: Plan) -> float:
    shares = theory.gradient_share(plan)
    assert shares is not None
    assert len(shares) == len(plan.network.sites)
    assert shares[-1] == 1.0
    return shares[0]


def test_closed_forms_come_out(plan: Make) -> None:
    deep = {"depth": 30, "width": 16}
    assert ratio(plan(activation=ReLU(), initialization=He(), **deep)) == pytest.approx(
        1, rel=1e-12
    )
    assert ratio(plan(activation=ReLU(), initialization=Xavier(), **deep)) == pytest.approx(
        2 ** (-29 / 2), rel=1e-12
    )
    assert ratio(plan(activation=Identity(), initialization=Xavier(), **deep)) == pytest.approx(
        1, rel=1e-12
    )
    assert ratio(
        plan(activation=Identity(), initialization=Gaussian(std=0.5), **deep)
    ) == pytest.approx(2**29, rel=1e-12)
    leaky = plan(activation=LeakyReLU(slope=0.3), initialization=He(slope=0.3), **deep)
    assert ratio(leaky) == pytest.approx(1, rel=1e-12)


def test_the_critical_point_of_tanh_is_the_published_one() -> None:
    """Poole et al. 2016: with biases of variance 0.05 at s^2 = 1.760955, where q* = 0.570048 and
    the factor is 1.
    """
    square, slope = theory._moments(Tanh(), 0.570048)
    assert 1.760955 * square + 0.05 == pytest.approx(0.570048, rel=1e-5)
    assert 1.760955 * slope == pytest.approx(1, rel=1e-5)


def test_a_steep_activation_is_integrated_where_it_is_steep() -> None:
    """E[tanh'(sqrt(q) z)^2] for large q is the integral of tanh'^2, 4/3, times the density at 0,
    over sqrt(q).
    """
    _, slope = theory._moments(Tanh(), 1e6)
    assert slope == pytest.approx(4 / 3 / math.sqrt(2 * math.pi) / 1e3, rel=1e-4)


@pytest.mark.parametrize(
    ("activation", "start"),
    [
        (Sigmoid(), Xavier()),
        (Tanh(), Xavier()),
        (Tanh(), TorchDefault()),
        (ReLU(), He()),
        (Tanh(), Gaussian(std=0.1)),
    ],
)
def test_a_wide_network_of_the_definition_follows_it(
    plan: Make, activation: object, start: object
) -> None:
    made = plan(
        activation=activation,
        initialization=start,
        depth=10,
        width=256,
        steps=1,
        features=64,
        classes=10,
    )
    worker = Worker(backends.load("numpy"), threads=1, imports=0.0)
    trace = worker.run(Job(run_id="0" * 16, plan=made, device="cpu")).trace
    signal = trace.quantities["signal_gradient_rms"][:, 0]
    measured = np.log(signal / signal[:, -1:]).mean(0)
    expected = np.log(theory.gradient_share(made) or [])
    # of the log of a norm over 9 layers (Hanin and Nica 2020), of one seed
    deviation = math.sqrt(9 * 5.5 / 256) / 2
    assert np.abs(measured - expected).max() < 3 * deviation / math.sqrt(2)
    assert np.abs(expected).max() > 0.2 or activation == ReLU()


def test_where_it_says_nothing_nothing_is_said(plan: Make) -> None:
    assert theory.gradient_share(plan(normalization="batch")) is None
    assert theory.gradient_share(plan(initialization=Constant(value=0.1))) is None
    raw = plan()
    task = raw.task.model_copy(update={"standardized": "no"})
    assert theory.gradient_share(raw.model_copy(update={"task": task})) is None


def test_layers_that_start_by_themselves_have_their_own_factor(plan: Make) -> None:
    layers = {"depth": 4, "width": 16, "activation": Identity(), "initialization": Xavier()}
    made = plan(**layers)
    other = made.model_copy(update={"initialization_by_layer": {"layer 3": Gaussian(std=0.5)}})
    assert theory.gradient_share(other) == pytest.approx([2, 2, 1, 1], rel=1e-12)
