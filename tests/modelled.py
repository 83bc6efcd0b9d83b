"""Plans with every kind of countermeasure, and ordinary models of them beside the definition.

The plans are drawn from the unions of countermeasures, so that each kind, and each word of it, is
in one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from common import draw
from common.backend import Backend, Program
from common.countermeasures.activation import Activation, ReLU, Tanh
from common.countermeasures.clipping import Clipping
from common.countermeasures.loss import Loss
from common.countermeasures.normalization import Normalization
from common.countermeasures.optimizer import Optimizer
from common.countermeasures.recurrent import GRU, LSTM, SimpleRNN
from common.countermeasures.skip import Skip
from common.network import Arrays, Batch, State
from common.plan import Plan
from tests.compared import scaled_error
from tests.derived import batch_of, start_of
from tests.ordinary import Ordinary, Samples
from tests.strategies import every

Maker = Callable[..., Plan]
STEPS = 3
BOUND = 1e-10
ROOMS = {
    "activation": every(Activation),
    "normalization": every(Normalization),
    "skip": every(Skip),
    "loss": every(Loss),
    "clipping": [
        spec.model_copy(update=dict.fromkeys(spec.traced, 0.05)) for spec in every(Clipping)
    ],
    "optimizer": every(Optimizer),
}
WIDTHS: list[Any] = [6, [7, 5, 5, 4], 6]
"""The same for all layers, or by layer; the first plan is of one layer."""


def cases() -> Iterator[dict[str, Any]]:
    """As many plans as the room with the most kinds needs, all others in turn."""
    for i in range(max(map(len, ROOMS.values()))):
        # the second time round a room is as many places on as its own place in the list, so that
        # other kinds meet
        chosen = {
            room: specs[(i + k * (i // len(specs))) % len(specs)]
            for k, (room, specs) in enumerate(ROOMS.items())
        }
        width = WIDTHS[i % len(WIDTHS)] if i else [4]
        yield chosen | {"width": width, "depth": len(width) if isinstance(width, list) else 4}


CELLS: list[tuple[Any, Any, str, str]] = [
    (SimpleRNN(), ReLU(), "none", "adamw"),
    (SimpleRNN(), Tanh(), "norm", "momentum"),
    (LSTM(), Tanh(), "norm", "adam"),
    (LSTM(forget_bias=0.0), Tanh(), "global_norm", "nesterov"),
    (GRU(), Tanh(), "norm", "rmsprop"),
    (GRU(), Tanh(), "global_norm", "adamw"),
    (GRU(), Tanh(), "value", "sgd"),
]
"""Each cell by the clippings that know what an array is, and the optimizers that keep something of
each."""


def timed() -> Iterator[dict[str, Any]]:
    """Plans with cells; the losses in turn."""
    of_kind = {
        room: {spec.kind: spec for spec in ROOMS[room]} for room in ("clipping", "optimizer")
    }
    for i, (cell, function, clipping, optimizer) in enumerate(CELLS):
        chosen = {
            "clipping": of_kind["clipping"][clipping],
            "optimizer": of_kind["optimizer"][optimizer],
        }
        losses = ROOMS["loss"]
        yield chosen | {
            "recurrent": cell,
            "activation": function,
            "loss": losses[i % len(losses)],
            "width": 4,
            "depth": 1,
        }


CASES = list(cases())
TIMED = list(timed())


def planned(plan: Maker, case: dict[str, Any], **changes: Any) -> Plan:
    """A plan of one seed, by specs."""
    written = {
        room: spec.model_dump()
        for room, spec in (case | changes).items()
        if room in (*ROOMS, "recurrent")
    }
    sizes = {
        "width": case["width"],
        "depth": case["depth"],
        "classes": case["loss"].most_classes or 3,
        "seeds": (0,),
    }
    rate = case["optimizer"].learning_rate
    return plan(
        **(sizes | {"steps": STEPS, "batch_size": 8, "learning_rate": rate} | changes | written)
    )


def start_and_batches(plan: Plan) -> tuple[State, list[Batch]]:
    """A state in which no two arrays are alike, and batches."""
    start = replace(start_of(plan), optimizer=draw.state(plan).optimizer)
    return start, [batch_of(plan, seed) for seed in range(STEPS)]


def of_seed(arrays: Arrays) -> Arrays:
    return {name: a[0] for name, a in arrays.items()}


def samples_of(batches: list[Batch]) -> list[Samples]:
    return [(batch.x[0], batch.y[0]) for batch in batches]


def model_of(form: str, plan: Plan, state: State) -> Ordinary:
    return Ordinary(form, plan, of_seed(state.parameters | state.statistics))


def apart(found: Arrays, expected: Arrays) -> float:
    """The largest error, scaled by each layer; the names have to be the same."""
    assert set(found) == set(expected)
    return max(scaled_error(found[name][None], value) for name, value in expected.items())


def defined(definition: Backend, plan: Plan, state: State) -> Program:
    program = definition.program(plan, "cpu", measure=False)
    program.load(state)
    return program
