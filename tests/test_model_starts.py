"""Ordinary models start as their plan says: by laws, layers and cells, and in its precision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from common import draw
from common.backend import Backend
from tests.modelled import (
    BOUND,
    CASES,
    Maker,
    apart,
    defined,
    model_of,
    planned,
    samples_of,
    start_and_batches,
)
from tests.ordinary import form, module_of

__all__ = ["form"]


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_model_has_the_precision_of_its_plan(
    form: str, definition: Backend, plan: Maker, precision: str
) -> None:
    small = planned(plan, CASES[1], precision=precision)
    state, batches = start_and_batches(small)
    given = state.parameters | state.statistics
    model = model_of(form, small, state)
    held = {name: draw.rounded(a, precision) for name, a in given.items()}
    assert all(np.array_equal(a[None], held[name]) for name, a in model.arrays().items())
    program = defined(
        definition,
        small,
        replace(state, parameters={name: held[name] for name in state.parameters}),
    )
    for batch in batches:
        program.step(batch)
    model.train(samples_of(batches))
    error = apart(model.arrays(), program.state().parameters | program.state().statistics)
    assert error <= (1e-4 if precision == "float32" else BOUND)
    assert error > 1e-9 or precision == "float64", "numbers of float32 stay such"


def test_a_model_starts_as_its_plan_says(form: str, plan: Maker) -> None:
    skip = {"kind": "highway", "initial_bias": -3.0}
    start = {
        "initialization": {"kind": "he", "bias": "uniform_fan_in"},
        "skip": skip,
        "activation": "prelu",
    }
    wide = plan(width=64, depth=4, normalization={"kind": "layer", "initial_scale": 0.5}, **start)
    module = module_of(form)
    found = module.arrays(module.build(wide, seed=1), wide)
    assert np.allclose(found["hidden.weight"].std((1, 2)), (2 / 64) ** 0.5, rtol=0.1)
    assert np.allclose(np.abs(found["hidden.bias"]).max(1), 64**-0.5, rtol=0.2)
    assert not np.array_equal(found["hidden.weight"][0], found["hidden.weight"][1]), (
        "each layer draws its own"
    )
    assert not np.array_equal(found["hidden.weight"], found["hidden.gate_weight"])
    assert [
        float(found[f"hidden.{name}"].min()) for name in ("scale", "shift", "slope", "gate_bias")
    ] == [0.5, 0, 0.25, -3]
    again, other = (module.arrays(module.build(wide, seed), wide) for seed in (1, 2))
    assert np.array_equal(again["hidden.weight"], found["hidden.weight"])
    assert not np.array_equal(other["hidden.weight"], found["hidden.weight"])


def test_a_layer_of_a_model_starts_by_a_law_of_its_own(form: str, plan: Maker) -> None:
    own = {
        "output": {"kind": "constant", "value": 0.5},
        "layer 3": {"kind": "gaussian", "std": 0.001},
    }
    deep = plan(width=32, depth=4, initialization_by_layer=own)
    module = module_of(form)
    found = module.arrays(module.build(deep, seed=1), deep)
    assert (found["output.weight"] == 0.5).all()
    sizes = found["hidden.weight"].std((1, 2))
    assert np.allclose(sizes, [32**-0.5, 0.001, 32**-0.5], rtol=0.2), "layers 2 to 4"


def test_cells_start_as_their_plan_says(form: str, plan: Maker) -> None:
    start = {
        "initialization": {"kind": "gaussian", "std": 0.3, "bias": "uniform_fan_in"},
        "width": 40,
        "features": 50,
    }
    module = module_of(form)
    cells = {
        "lstm": plan(recurrent={"kind": "lstm", "forget_bias": 2.0}, **start),
        "gru": plan(recurrent={"kind": "gru", "start": "drawn"}, **start),
        "simple": plan(recurrent={"kind": "simple", "start": "identity"}, **start),
    }
    found = {kind: module.arrays(module.build(one, seed=1), one) for kind, one in cells.items()}
    by_gate = found["lstm"]["recurrent.weight"][0]
    assert np.allclose(np.linalg.svd(by_gate, compute_uv=False), 1.0, atol=1e-10), (
        "each gate's is orthogonal by itself"
    )
    assert len({gate.tobytes() for gate in by_gate}) == 4
    assert found["lstm"]["recurrent.bias"][0, :, 0].tolist() == [0, 2, 0, 0]
    for name, kind in (("input_weight", "lstm"), ("input_weight", "gru"), ("weight", "gru")):
        assert np.allclose(found[kind][f"recurrent.{name}"][0].std((-1, -2)), 0.3, rtol=0.1), (
            kind,
            name,
        )
    assert not found["gru"]["recurrent.recurrent_bias"].any()
    assert np.array_equal(found["simple"]["recurrent.weight"][0, 0], np.eye(40))
