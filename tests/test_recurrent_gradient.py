"""What a recurrent cell does to the gradient over many steps of time."""

from __future__ import annotations

from typing import Any

import numpy as np

from common import draw, task
from common.backend import Backend
from common.countermeasures.recurrent import LSTM, SimpleRNN
from common.plan import Plan
from experiments.judging import batch_of
from tests.derived import Maker
from tests.sequences import adding, by_row


def signals(wing: Backend, plan: Plan) -> np.ndarray:
    """Signal gradients [seed, time] of the first step."""
    program = wing.program(plan, "cpu")
    program.load(draw.state(plan))
    return program.measured(program.step(batch_of(plan, task.load(plan.task), 0)))[
        "signal_gradient_rms"
    ]


def test_an_open_forget_gate_brings_back_what_a_simple_cell_loses(
    backend: Backend, plan: Maker
) -> None:
    """Over 50 steps; a closed one, s(-20) = 2e-9, loses it at once."""
    small = {"width": 16, "initialization": {"kind": "gaussian", "std": 0.1}}
    simple = signals(backend, adding(plan, SimpleRNN(start="drawn"), 50, **small))
    opened = signals(backend, adding(plan, LSTM(forget_bias=5.0), 50, **small))
    closed = signals(backend, adding(plan, LSTM(start="drawn", forget_bias=-20.0), 50, **small))
    assert (simple[:, 0] < 1e-15 * simple[:, -1]).all()
    assert (opened[:, 0] > 1e-2 * opened[:, -1]).all()
    assert (closed[:, 0] < 1e-30 * closed[:, -1]).all()


def test_an_orthogonal_linear_cell_hands_on_the_whole_gradient(
    backend: Backend, plan: Maker
) -> None:
    """Each step multiplies the gradient by an orthogonal matrix: its length is the same at every
    step of time.
    """
    found = signals(backend, adding(plan, SimpleRNN(), 50, activation="identity"))
    assert np.allclose(found, found[:, -1:], rtol=1e-12)


def test_clipping_bounds_the_step_and_not_the_vanishing(backend: Backend, plan: Maker) -> None:
    numbers: dict[str, Any] = {
        "initialization": {"kind": "gaussian", "std": 0.1},
        "learning_rate": 1.0,
    }
    free = adding(plan, SimpleRNN(start="drawn"), 50, **numbers)
    bounded = adding(
        plan,
        SimpleRNN(start="drawn"),
        50,
        **numbers,
        clipping={"kind": "global_norm", "threshold": 1e-6},
    )
    assert np.array_equal(signals(backend, free), signals(backend, bounded))
    moved = [largest_step(backend, one) for one in (free, bounded)]
    assert moved[1] <= 1.001e-6 < moved[0]


def largest_step(wing: Backend, plan: Plan) -> float:
    """How far a step moves all parameters of a seed, at most."""
    program = wing.program(plan, "cpu")
    before = draw.state(plan)
    program.load(before)
    program.step(batch_of(plan, task.load(plan.task), 0))
    moved = [program.state().parameters[name] - a for name, a in before.parameters.items()]
    return float(np.sqrt(sum((a**2).reshape(len(a), -1).sum(1) for a in moved)).max())


def test_the_weights_are_one_for_all_steps_of_time(backend: Backend, plan: Maker) -> None:
    one = by_row(plan, LSTM())
    program = backend.program(one, "cpu")
    program.load(draw.state(one))
    measured = program.measured(program.step(batch_of(one, task.load(one.task), 0)))
    gradient = program.gradients().parameters["recurrent.weight"]
    assert gradient.shape == (2, 1, 4, 6, 6)
    rms = np.sqrt((gradient**2).mean((1, 2, 3, 4)))
    assert np.allclose(measured["weight_gradient_rms"], rms[:, None], rtol=1e-12)
    assert measured["weight_gradient_rms"].shape == measured["signal_gradient_rms"].shape == (2, 8)
