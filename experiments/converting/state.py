"""What an optimiser keeps from step to step: read and written by the laws of its parameters.

In the file it stands beside the weights: PyTorch's as `optimizer.0.weight.exp_avg` (parameter, then
slot), Keras' by the paths of `optimizer.variables`, optax' as `opt_state/0/mu/Dense_0/kernel`
(`flax.serialization.to_state_dict`, flattened).

Trap: the velocity of PyTorch and optax is a sum of gradients; that of Keras is -learning_rate times
it. Adam's two moments mean the same in all three, but Keras' epsilon is added before the bias
correction (`backends/keras/optimizer.py` shows the cure).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np

from common.errors import UserError
from experiments.converting.laws import Framework
from experiments.converting.names import Path

Arrays = dict[str, np.ndarray]

KINDS: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "momentum": ("velocity",),
    "adam": ("first_moment", "second_moment"),
    "rmsprop": ("square_average",),
}
"""The slots of each optimiser, as `common.countermeasures.optimizer.slots` calls them; Nesterov's
and AdamW's are these."""

SLOTS: dict[str, dict[str, tuple[str, ...]]] = {
    "torch": {
        "sgd": (),
        "momentum": ("momentum_buffer",),
        "adam": ("exp_avg", "exp_avg_sq"),
        "rmsprop": ("square_avg",),
    },
    "keras": {
        "sgd": (),
        "momentum": ("momentum",),
        "adam": ("momentum", "velocity"),
        "rmsprop": ("velocity",),
    },
    "jax": {"sgd": (), "momentum": ("trace",), "adam": ("mu", "nu"), "rmsprop": ("nu",)},
}
"""What the frameworks call them."""

STEPS = {"torch": ("step",), "keras": ("iteration", "learning_rate"), "jax": ("count",)}
"""What is kept of all parameters together."""


@dataclass(frozen=True)
class State:
    """What is kept.

    Attributes:
        kind: One of `KINDS`.
        step: How many steps were taken; None where the framework does not count them.
        rate: The learning rate, where it is known.
        slots: By slot and layer, in canonical form.
    """

    kind: str
    step: int | None
    rate: float | None
    slots: dict[str, dict[Path, Arrays]]


def apart(arrays: Mapping[str, np.ndarray], framework: Framework) -> tuple[Arrays, Arrays]:
    """The weights, and what the optimiser keeps, by their names in the file."""
    begins = _beginnings(arrays, framework)
    kept = {name: a for name, a in arrays.items() if name.startswith(begins)}
    return {name: a for name, a in arrays.items() if name not in kept}, kept


def _beginnings(arrays: Mapping[str, np.ndarray], framework: Framework) -> tuple[str, ...]:
    match framework:
        case "torch":
            return ("optimizer.",)
        case "keras":
            counted = {
                name.partition("/")[0]
                for name in arrays
                if re.fullmatch(r"[^/]+/(iteration|learning_rate)", name)
            }
            return tuple(f"{name}/" for name in counted)
        case "jax":
            return ("opt_state/", "opt_state.")
        case _:
            assert_never(framework)


def keras_scale(state: State) -> float:
    """What Keras' velocity is, in units of the others'."""
    if not state.rate:
        raise UserError(
            "Keras keeps -learning_rate times the velocity of the others, so the rate must be "
            "known; received none; give --learning-rate"
        )
    return -state.rate


def mapped(state: State, function: Callable[[np.ndarray], np.ndarray]) -> State:
    """The state with another array for each."""
    slots = {
        slot: {
            path: {name: function(a) for name, a in arrays.items()}
            for path, arrays in layers.items()
        }
        for slot, layers in state.slots.items()
    }
    return replace(state, slots=slots)


def counts(kept: Mapping[str, np.ndarray], framework: Framework) -> Arrays:
    """What an optimiser keeps of all parameters together: of plain SGD in Keras all there is."""
    return {
        name: np.array(a)
        for name, a in kept.items()
        if re.split(r"[./]", name)[-1] in STEPS[framework]
    }
