"""The dead fraction of the definition, unit by unit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from common import draw
from tests.derived import (
    SIZES,
    Maker,
    batch_of,
    stepped,
)


@settings(max_examples=9, deadline=None)
@given(dead=st.integers(0, 4), layer=st.integers(0, 2))
def test_the_dead_fraction_is_the_share_of_units_that_no_sample_wakes(
    plan: Maker, dead: int, layer: int
) -> None:
    small = plan(**SIZES, activation="relu")
    start = draw.state(small)
    for name, a in start.parameters.items():
        a[:] = 0.01 * a if name.endswith("weight") else 1.0
    stack, i = ("first", 0) if layer == 0 else ("hidden", layer - 1)
    start.parameters[f"{stack}.bias"][:, i, :dead] = -1.0
    program, step = stepped(small, start=start)
    fractions, signals = (
        program.measured(step)[name] for name in ("dead_fraction", "signal_gradient_rms")
    )
    assert (fractions[:, layer] == dead / 4).all()
    if dead == 4:
        assert (signals[:, :layer] == 0).all(), "nothing passes a dead layer"
        assert (signals[:, layer:] > 0).all()
    else:
        assert (signals > 0).all()


def test_a_unit_that_one_sample_wakes_is_not_dead(plan: Maker) -> None:
    small = plan(**SIZES | {"width": 40}, activation="relu")
    start = draw.state(small)
    start.parameters["first.bias"][:] = -1.0
    program, step = stepped(small, start=start)
    awake = batch_of(small).x @ start.parameters["first.weight"][:, 0] - 1.0 > 0
    expected = (~awake.any(1)).mean(1)
    assert ((awake.any(1) & ~awake.all(1)).mean(1) > 0.1).all(), (
        "some units are awake for a part of the batch"
    )
    assert (np.abs(program.measured(step)["dead_fraction"][:, 0] - expected) < 1e-15).all()
    assert (expected > 0.1).all()
