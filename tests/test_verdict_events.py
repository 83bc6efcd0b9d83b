"""The first event that is not finite: its step, its layer, and the way on which it is met."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.findings.verdict import first_event
from tests.traces import LAYERS, trace


def test_a_finite_run_has_no_event() -> None:
    assert first_event(trace(np.zeros(LAYERS))) is None


def test_a_forward_event_is_at_the_first_bad_layer() -> None:
    found = trace()
    for name in ("activation_mean", "activation_rms"):
        found.quantities[name][1, 2, 2:] = np.inf
    for name in ("signal_gradient_rms", "weight_gradient_rms"):
        found.quantities[name][1, 2] = np.nan
    found.loss[1, 2] = np.nan
    assert first_event(found) == (1, 10, 3)


def test_a_backward_event_is_at_the_last_bad_layer() -> None:
    found = trace()
    found.quantities["signal_gradient_rms"][2, 1, :3] = np.inf
    assert first_event(found) == (2, 5, 3)


@pytest.mark.parametrize(
    "name", ["weight_gradient_rms", "clipped_weight_gradient_rms", "update_ratio"]
)
def test_a_bad_weight_gradient_is_an_event_too(name: str) -> None:
    found = trace()
    found.quantities[name][0, 3, 1] = np.nan
    assert first_event(found) == (0, 12, 2)


def test_an_event_of_the_loss_alone_belongs_to_the_last_layer() -> None:
    found = trace()
    found.loss[0, 0] = np.inf
    assert first_event(found) == (0, 0, LAYERS)


def test_the_earliest_step_comes_before_the_first_seed() -> None:
    found = trace()
    found.loss[0, 3] = found.loss[2, 1] = np.nan
    found.quantities["activation_rms"][0, 3] = np.nan
    assert first_event(found) == (2, 5, LAYERS)
