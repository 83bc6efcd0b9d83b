"""What is compared with nothing in a step that cannot be judged: what rounding decides, and what is
computed from it.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from common import draw, task
from common.blind import with_the_undecided
from common.bounds import Bounds
from common.step import Key
from experiments import references
from tests.judged import Maker


def test_what_is_computed_from_an_undecided_layer_has_no_bound(plan: Maker) -> None:
    made = plan(depth=4, width=4, normalization="batch")
    first, hidden = (stack.name for stack in made.network.measured())
    bounds = {
        Key("loss"): np.ones(2),
        Key("signal gradient"): np.ones((2, 4)),
        Key("gradient", f"{hidden}.weight"): np.ones((2, 3)),
        Key("running value", f"{first}.mean"): np.ones((2, 1)),
        Key("running value", f"{hidden}.mean"): np.ones((2, 3)),
        Key("activation_rms"): np.ones((2, 4)),
        Key("evaluation output"): np.ones((2, 1)),
    }
    undecided = np.zeros((2, 5), dtype=bool)
    undecided[1, 2] = True
    found = with_the_undecided(bounds, undecided, made)
    for key, bound in found.items():
        assert bound.shape == bounds[key].shape
        assert np.isfinite(bound[0]).all(), "the other seed"
    assert np.isfinite(found[Key("running value", f"{first}.mean")]).all()
    assert np.isinf(found[Key("running value", f"{hidden}.mean")][1]).tolist() == [
        False,
        True,
        True,
    ]
    assert np.isinf(found[Key("activation_rms")][1]).tolist() == [False, False, True, True]
    for key in (
        Key("loss"),
        Key("signal gradient"),
        Key("gradient", f"{hidden}.weight"),
        Key("evaluation output"),
    ):
        assert np.isinf(found[key][1]).all()


def test_an_activation_before_the_output_has_an_undecided_layer_of_its_own(plan: Maker) -> None:
    """With pre-activation a norm and an activation stand before the output's affine map."""
    skip = {"kind": "residual", "order": "pre-activation"}
    made = plan(depth=4, width=4, normalization="batch", skip=skip)
    *_, hidden, output = (stack.name for stack in made.network.stacks())
    shapes = {
        Key("loss"): (2,),
        Key("running value", f"{hidden}.mean"): (2, 3),
        Key("running value", f"{output}.mean"): (2, 1),
        Key("dead_fraction"): (2, 4),
    }
    undecided = np.zeros((2, 5), dtype=bool)
    undecided[1, 4] = True
    bounds = {key: np.ones(shape) for key, shape in shapes.items()}
    found = with_the_undecided(bounds, undecided, made)
    assert {key: found[key].shape for key in shapes} == shapes
    assert np.isfinite([bound[0].max() for bound in found.values()]).all(), "the other seed"
    lost = {key.what for key, bound in found.items() if np.isinf(bound[1]).any()}
    assert lost == {"loss", "running value"}
    assert np.isfinite(found[Key("running value", f"{hidden}.mean")]).all(), "computed before it"


def test_a_unit_that_is_alive_by_what_is_flushed_may_be_dead() -> None:
    """The cell of an LSTM that was 1.7e-317: dead in TensorFlow and XLA (random plan 5383)."""
    of: Any = SimpleNamespace(flushed=1e-300)
    margin = np.array([1.7e-317, 0.0, -1e-317, 1e-200, 1e-3])
    assert Bounds._may_be_dead(of, margin, np.zeros(5)).tolist() == [
        True,
        False,
        False,
        False,
        False,
    ]
    assert Bounds._may_be_dead(of, margin, np.full(5, 1e-201)).tolist() == [
        True,
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("activation", "batch", "depth", "cause"),
    [("elu", 2, 60, "underflow"), ("elu", 2, 200, "underflow"), ("relu", 4, 60, "rounding")],
)
def test_what_moves_a_gradient_that_cannot_be_judged_is_named(
    plan: Maker, activation: str, batch: int, depth: int, cause: str
) -> None:
    """In a batch of two nearly all cancels: it falls to 1e-120, and to 0 in float64 too."""
    network = {"features": 64, "classes": 10, "width": 16, "depth": depth}
    started = {"initialization": "he", "normalization": "batch", "activation": activation}
    one = plan(**network, **started, batch_size=batch, seeds=(0,), precision="float32")
    (judge,) = references.judges(one, task.load(one.task), {0: draw.state(one)})
    assert judge.blind
    assert f": {cause} in float32 alone moves it by" in judge.blind
