"""The capture of flax linen models: places, gradients, norms, and values that are put in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax")

import flax.linen as nn

from backends.jax import capture
from tests import central
from tests.flax_cases import (
    FLAT,
    Case,
    place,
    precise,
    said,
    taken,
)
from tests.linen_cases import BY_NAME, CASES, captured


@pytest.fixture(scope="module", autouse=True)
def _precise() -> None:
    precise()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_places_are_those_that_a_reader_expects_in_their_order(case: Case) -> None:
    assert said(taken("linen", case).captured) == case.places


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_gradient_is_that_of_central_differences_and_none_where_it_is_cut(case: Case) -> None:
    _, subject, found = taken("linen", case)
    cut = {
        f"{each['path']}#{each['call']}.{each['leaf']}"
        for each in found["places"]
        if each["gradient"] is None
    }
    assert cut == set(case.cut)
    reached = dict(found, places=[each for each in found["places"] if each["gradient"] is not None])
    errors = dict(central.errors(subject, reached))
    assert {name: error for name, error in errors.items() if error > 1e-5} == {}
    assert len(errors) == len(reached["places"])


def test_norms_alone_are_those_of_the_values() -> None:
    for name in ("strided", "attention"):
        subject = taken("linen", BY_NAME[name]).subject
        full = captured(name)
        alone = subject.capture(values=False)
        for a, b in zip(alone["places"], full["places"], strict=True):
            assert a["output"] is None
            assert not a["inputs"]
            assert a["norms"]["rms"] == pytest.approx(
                float(np.sqrt(np.mean(b["output"] ** 2))), rel=1e-12
            )
            assert a["norms"]["mean"] == pytest.approx(
                float(b["output"].mean()), rel=1e-10, abs=1e-14
            )
            assert a["norms"]["gradient"] == pytest.approx(
                float(np.sqrt(np.mean(b["gradient"] ** 2))), rel=1e-12
            )


class Small(nn.Module):
    scale: float

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.Dense(3, use_bias=False)(nn.relu(nn.Dense(4)(x) - 100.0)) + nn.relu(
            x[:, :3] * self.scale
        )


def test_norms_are_scale_safe_and_dead_units_are_counted() -> None:
    found = capture.subject(Small(1e-200), FLAT, np.zeros((5, 3)), precision="float64").capture(
        values=False
    )
    dead = place(found, ":relu", 0)["norms"]
    alive = place(found, ":relu", 1)["norms"]
    assert dead["dead"] == 1
    assert alive["dead"] == 0
    assert 1e-201 < alive["rms"] < 1e-199


def test_what_is_put_replaces_the_value_and_gradients_flow_as_if_it_did_not() -> None:
    subject = taken("linen", BY_NAME["twice"]).subject
    full = captured("twice")
    value = place(full, "shared", 1)["output"] + 0.5
    found = subject.capture(values=True, put={("shared", 1, 0): value})
    np.testing.assert_array_equal(place(found, "shared", 1)["output"], value)
    np.testing.assert_array_equal(
        place(found, "shared", 0)["output"], place(full, "shared", 0)["output"]
    )
    np.testing.assert_allclose(place(found, ":tanh", 1)["output"], np.tanh(value), rtol=1e-13)
    assert np.any(place(found, "shared", 0)["gradient"])
    with pytest.raises(ValueError, match="no place"):
        subject.capture(values=True, put={("nowhere", 0, 0): value})
    with pytest.raises(ValueError, match=r"has the shape \(5, 4\); received \(2,\)"):
        subject.capture(values=True, put={("shared", 0, 0): np.zeros(2)})


def test_inputs_are_the_same_with_and_without_a_backward_pass() -> None:
    subject = taken("linen", BY_NAME["twice"]).subject
    full = captured("twice")
    forward = subject.capture(values=True, gradient=False)
    again = subject.capture(values=True)
    for a, b, c in zip(forward["places"], full["places"], again["places"], strict=True):
        assert a["gradient"] is None
        for one, two, three in zip(a["inputs"], b["inputs"], c["inputs"], strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-14)
            np.testing.assert_array_equal(two, three)
