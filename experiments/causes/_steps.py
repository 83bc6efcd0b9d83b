"""The laws of optimisers (see docs/migration/optimizer.md).

They are of one step at a time, from the parameters as they were.

A step is computed from the weights that the port really had before it, so that what one step leaves
is no fault of the next.

The numbers are those of `isograd.kinds.OPTIMIZER`, and beyond them: of SGD `dampening`; of Adam
`amsgrad`, `corrected`, and `nesterov`, as in Dozat 2016 without a schedule of its own; of RMSprop
`rho`, `centered`; `place`: where epsilon is added: `outside` of the root, after the bias
correction; `inside`: outside of the root, before the correction, as Keras' Adam does; `root`: below
the root; `masked`: whether only weights of two axes and more decay; `clip_last`: whether the
gradient is clipped with a coupled decay in it; `clip_step`: whether the step is clipped, and not
the gradient; `clip_epsilon`: added to a norm; `twice`: names of parameters that are sums of two
that both move.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.causes._case import Arrays, Steps, flat
from experiments.causes._definition.errors import Undefined
from isograd.captured import rms

Config = Mapping[str, Any]
State = dict[str, np.ndarray]
PLACES = {
    ("keras", "adam"): "inside",
    ("keras", "rmsprop"): "root",
    ("jax", "rmsprop"): "root",
    ("keras", "adagrad"): "root",
}
DEFAULTS = {
    "sgd": {"momentum": 0.0, "nesterov": False, "dampening": 0.0},
    "adam": {
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "amsgrad": False,
        "corrected": True,
        "nesterov": False,
    },
    "rmsprop": {"rho": 0.9, "epsilon": 1e-8, "centered": False, "momentum": 0.0},
    "adagrad": {"epsilon": 1e-10, "start": 0.0},
}
"""For what an optimiser does not state."""


def complete(stated: Config, backend: str) -> dict[str, Any]:
    """Every number stated, in one form: AdamW is Adam whose decay is decoupled.

    Raises:
        Undefined: The kind is not known.
    """
    given = {name: number for name, number in stated.items() if number is not None}
    kind = {"adamw": "adam", "momentum": "sgd", "nesterov": "sgd"}.get(
        str(given.get("kind")), str(given.get("kind"))
    )
    if kind not in DEFAULTS or "rate" not in given:
        raise Undefined(f"an optimiser {given.get('kind')}, or one without a rate")
    if kind == "rmsprop":
        given = {"rho": given.get("beta2", given.get("alpha", 0.9))} | given
    decoupled = given.get("kind") == "adamw" or backend == "keras"
    usual = {
        "decay": 0.0,
        "decoupled": decoupled,
        "clip": {},
        "place": PLACES.get((backend, kind), "outside"),
    }
    return usual | DEFAULTS[kind] | given | {"kind": kind}


def updates(config: Config, steps: Steps) -> np.ndarray:
    """What each step adds to each parameter, flat [step * element], ordered as `Steps.updates`."""
    names = steps.names()
    states: dict[str, State] = {name: {} for name in names}
    found: list[np.ndarray] = []
    for count, gradients in enumerate(steps.gradients, 1):
        weights = {name: steps.parameters[count - 1][name] for name in names}
        of_step = {name: _of(gradients, name) for name in names}
        taken = of_step if config.get("clip_step") else _gradients(config, of_step, weights)
        moves: Arrays = {}
        for name in names:
            direction = _direction(config, taken[name], states[name], count)
            decay = _decay(config, weights[name]) if config["decoupled"] else 0.0
            moves[name] = -config["rate"] * (direction + decay * weights[name])
        found += _moved(config, moves, weights)
    return flat(found)


def _moved(config: Config, moves: Arrays, weights: Arrays) -> list[np.ndarray]:
    """The steps, clipped if they are; a parameter that is held twice moves twice."""
    ends = clipped(config, moves, weights) if config.get("clip_step") else moves
    twice = config.get("twice", ())
    return [2 * array if name in twice else array for name, array in ends.items()]


def _of(gradients: Mapping[str, np.ndarray | None], name: str) -> np.ndarray:
    array = gradients[name]
    assert array is not None  # names() has only those
    return np.asarray(array, dtype=np.float64)


def _decay(config: Config, weight: np.ndarray) -> float:
    return 0.0 if config.get("masked") and weight.ndim < 2 else float(config["decay"])


def _gradients(config: Config, gradients: Arrays, weights: Arrays) -> Arrays:
    """Clipped, with a coupled decay after it, or before it."""

    def decayed(arrays: Arrays) -> Arrays:
        if config["decoupled"] or not config["decay"]:
            return arrays
        return {
            name: array + _decay(config, weights[name]) * weights[name]
            for name, array in arrays.items()
        }

    if config.get("clip_last"):
        return clipped(config, decayed(gradients), weights)
    return decayed(clipped(config, gradients, weights))


def clipped(config: Config, gradients: Arrays, weights: Arrays) -> Arrays:
    """By value, by the norm of each parameter, by that of all, or adaptively.

    By that of each unit over its weights' norm.
    """
    epsilon = config.get("clip_epsilon", 0.0)
    for scope, threshold in (config.get("clip") or {}).items():
        match scope:
            case "value":
                gradients = {
                    name: np.clip(array, -threshold, threshold) for name, array in gradients.items()
                }
            case "norm":
                gradients = {
                    name: array * _share(norm(array), threshold, epsilon)
                    for name, array in gradients.items()
                }
            case "global_norm":
                share = _share(norm(flat(list(gradients.values()))), threshold, epsilon)
                gradients = {name: array * share for name, array in gradients.items()}
            case "adaptive":
                gradients = {
                    name: _adapted(array, weights[name], threshold)
                    for name, array in gradients.items()
                }
            case _:
                raise Undefined(f"clipping by {scope}")
    return gradients


def _adapted(gradient: np.ndarray, weight: np.ndarray, threshold: float) -> np.ndarray:
    """A unit's gradient may be this share of the unit (Brock et al. 2021).

    The last axis is that of the units.
    """
    axes = tuple(range(max(gradient.ndim - 1, 1)))
    size, most = (
        np.sqrt(np.sum(np.square(array), axes, keepdims=True)) for array in (gradient, weight)
    )
    most = threshold * np.maximum(most, 1e-3)
    return np.where(size > most, gradient * most / np.maximum(size, 1e-6), gradient)


def norm(values: np.ndarray) -> float:
    """Euclidean, scale-safe."""
    return rms(values) * float(np.sqrt(values.size))


def _share(size: float, threshold: float, epsilon: float) -> float:
    return min(1.0, threshold / (size + epsilon)) if size > 0 else 1.0


def _direction(config: Config, g: np.ndarray, state: State, count: int) -> np.ndarray:
    match config["kind"]:
        case "sgd":
            return _sgd(config, g, state, count)
        case "adam":
            return _adam(config, g, state, count)
        case "rmsprop":
            return _rmsprop(config, g, state)
        case "adagrad":
            state["s"] = state.get("s", np.full_like(g, config["start"])) + g * g
            return g / _root(config, state["s"])
        case kind:
            raise Undefined(f"an optimiser {kind}")


def _sgd(config: Config, g: np.ndarray, state: State, count: int) -> np.ndarray:
    """Momentum gathers the gradients, the first one whole."""
    damped = g if count == 1 else (1 - config["dampening"]) * g
    state["v"] = config["momentum"] * state.get("v", 0.0) + damped
    return g + config["momentum"] * state["v"] if config["nesterov"] else state["v"]


def _adam(config: Config, g: np.ndarray, state: State, count: int) -> np.ndarray:
    beta1, beta2 = config["beta1"], config["beta2"]
    state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    state["s"] = beta2 * state.get("s", 0.0) + (1 - beta2) * g * g
    state["most"] = np.maximum(state.get("most", 0.0), state["s"])
    s = state["most"] if config["amsgrad"] else state["s"]
    first, second = (1 - beta1**count, 1 - beta2**count) if config["corrected"] else (1.0, 1.0)
    if config.get("nesterov"):
        ahead = 1 - beta1 ** (count + 1) if config["corrected"] else 1.0
        return (beta1 * state["m"] / ahead + (1 - beta1) * g / first) / _root(config, s / second)
    if config["place"] == "inside":
        return np.sqrt(second) / first * state["m"] / (np.sqrt(s) + config["epsilon"])
    return state["m"] / first / _root(config, s / second)


def _rmsprop(config: Config, g: np.ndarray, state: State) -> np.ndarray:
    rho = config["rho"]
    state["s"] = rho * state.get("s", 0.0) + (1 - rho) * g * g
    state["mean"] = rho * state.get("mean", 0.0) + (1 - rho) * g
    s = state["s"] - np.square(state["mean"]) if config["centered"] else state["s"]
    state["v"] = config["momentum"] * state.get("v", 0.0) + g / _root(config, s)
    return state["v"]


def _root(config: Config, s: np.ndarray) -> np.ndarray:
    """With epsilon where it is added."""
    s = np.maximum(s, 0.0)
    return (
        np.sqrt(s + config["epsilon"])
        if config["place"] == "root"
        else np.sqrt(s) + config["epsilon"]
    )
