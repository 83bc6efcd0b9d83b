"""Steps of recurrent networks: over 50 steps of time, over one, in float32, and what is traced."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from common import draw
from common.backend import Backend
from common.countermeasures.recurrent import GRU, LSTM, SimpleRNN
from common.plan import Plan
from tests.compared import differing
from tests.derived import Maker
from tests.sequences import OVER_CELLS, adding, by_row
from tests.stepwise import assert_none_is_broken, judged
from tests.strategies import label

LONG: list[tuple[Any, str, str]] = [
    (SimpleRNN(), "sgd", "none"),
    (SimpleRNN(start="drawn"), "momentum", "norm"),
    (LSTM(), "adam", "global_norm"),
    (LSTM(forget_bias=0.0), "nesterov", "none"),
    (GRU(), "rmsprop", "value"),
    (GRU(start="drawn"), "adamw", "norm"),
]


CLIPPINGS = {
    "none": "none",
    "value": {"kind": "value", "threshold": 1e-3},
    "norm": {"kind": "norm", "threshold": 1e-2},
    "global_norm": {"kind": "global_norm", "threshold": 0.05},
}


@pytest.mark.parametrize(
    ("cell", "optimizer", "clipping"),
    LONG,
    ids=lambda one: one if isinstance(one, str) else label(one),
)
def test_steps_over_50_steps_of_time_are_the_definitions(
    backend: Backend, plan: Maker, cell: Any, optimizer: str, clipping: str
) -> None:
    """A loop in Keras, where fewer steps are unrolled."""
    own = {
        "optimizer": {"kind": optimizer},
        "learning_rate": None,
        "clipping": CLIPPINGS[clipping],
        "steps": 20,
    }
    long = adding(plan, cell, 50, **own)
    assert_none_is_broken(judged(backend.program(long, "cpu"), long, [0, 19]), at_least=2)


@OVER_CELLS
def test_float32_steps_are_the_definitions(backend: Backend, plan: Maker, cell: Any) -> None:
    long = by_row(plan, cell, precision="float32", steps=5, activation="relu", initialization="he")
    assert_none_is_broken(judged(backend.program(long, "cpu"), long, [0, 4]), at_least=2)


@OVER_CELLS
def test_one_step_of_time_is_a_network_too(
    backend: Backend, definition: Backend, plan: Maker, cell: Any
) -> None:
    assert not differing(backend, definition, with_time(plan, cell, 2), most=1e-12)


def with_time(plan: Maker, cell: Any, time: int) -> Plan:
    return adding(plan, cell, time, seeds=(0,))


def test_what_is_traced_does_not_grow_with_the_time(plan: Maker) -> None:
    import jax

    import backends
    from backends.jax.network import StackedNetwork, params

    backends.load("jax")

    def operations(time: int) -> int:
        long = adding(plan, LSTM(), time)
        network = StackedNetwork(long.network, training=True, measure=False)
        held = {name: a[0] for name, a in draw.state(long).parameters.items()}
        traced = jax.make_jaxpr(lambda x: network.apply({"params": params(long.network, held)}, x))(
            np.zeros((4, time, 2))
        )
        return len(str(traced).splitlines())

    assert operations(100) == operations(1000)
