"""What a recurrent network starts from, and how its plan and its layers are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from common import draw
from common.architectures import RecurrentNetwork
from common.countermeasures.recurrent import GRU, LSTM, SimpleRNN
from common.plan import Plan
from tests.derived import Maker
from tests.sequences import CELLS, OVER_CELLS, by_row


def test_every_gate_starts_orthogonal_by_itself(plan: Maker) -> None:
    for cell in CELLS:
        weight = draw.state(by_row(plan, cell)).parameters["recurrent.weight"]
        assert np.allclose(np.linalg.svd(weight, compute_uv=False), 1.0, atol=1e-12), cell.kind
        flat = weight.reshape(-1, *weight.shape[-2:])
        assert len({a.tobytes() for a in flat}) == len(flat), "no two gates or seeds have the same"


def test_a_simple_cell_may_start_from_the_identity_and_an_lstm_from_an_open_forget_gate(
    plan: Maker,
) -> None:
    identity = draw.state(by_row(plan, SimpleRNN(start="identity"))).parameters["recurrent.weight"]
    assert np.array_equal(identity, np.broadcast_to(np.eye(6), identity.shape))
    bias = draw.state(by_row(plan, LSTM(forget_bias=2.0))).parameters["recurrent.bias"][0, 0]
    assert dict(zip(LSTM.gates, bias[:, 0], strict=True)) == {
        "input": 0,
        "forget": 2,
        "candidate": 0,
        "output": 0,
    }


def test_input_weights_are_drawn_by_the_plans_law_for_each_gate(plan: Maker) -> None:
    wide = by_row(plan, LSTM(), width=400, initialization={"kind": "gaussian", "std": 0.3})
    weight = draw.state(wide).parameters["recurrent.input_weight"]
    assert np.allclose(weight.std((-1, -2)), 0.3, rtol=0.05)


def test_a_forget_bias_shares_the_compiled_step(plan: Maker) -> None:
    structures = {by_row(plan, LSTM(forget_bias=bias)).structure() for bias in (0.0, 1.0)}
    assert len(structures) == 1
    assert by_row(plan, LSTM()).structure() != by_row(plan, GRU()).structure()


@OVER_CELLS
def test_a_plan_survives_json(plan: Maker, cell: Any) -> None:
    one = by_row(plan, cell)
    assert Plan.model_validate_json(one.model_dump_json()) == one
    assert isinstance(one.network, RecurrentNetwork)
    assert one.network.layer("recurrent", 0) == "recurrent layer"
    assert one.network.layer("", 7) == "time step 8"


def test_an_activation_with_a_slope_to_train_is_refused(plan: Maker) -> None:
    with pytest.raises(
        ValueError, match="the activation of a cell must have nothing to train; received prelu"
    ):
        by_row(plan, LSTM(), activation="prelu")
