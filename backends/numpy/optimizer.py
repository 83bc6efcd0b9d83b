"""The optimizer, as defined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, assert_never

import numpy as np

from backends.numpy.rounding import EXACT, Exact
from common.countermeasures.optimizer import (
    SGD,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Optimizer,
    RMSprop,
    coefficients,
    corrections,
    held_of,
    initial,
    named,
    of_probe,
)
from common.network import Arrays

NATIVE: dict[str, str] = {}

Numbers = Mapping[str, float]
Rule = Callable[[Arrays, Arrays, Arrays, Numbers], tuple[Arrays, Arrays]]
"""From gradients, parameters, a state by `parameter.slot` and a step's numbers to directions and
the new state."""


class Given(NamedTuple):
    """What the direction of one parameter is made of.

    Its gradient, itself, its slots by name, and the step's numbers.
    """

    g: np.ndarray
    w: np.ndarray
    held: Arrays
    numbers: Numbers


Found = tuple[np.ndarray, Arrays]
"""The direction of one parameter, and its slots after the step."""


def build(spec: Optimizer, rounding: Exact = EXACT) -> Rule:
    """From clipped gradients to the directions of a step, all [seed, layer, ...] by name."""
    match spec:
        case SGD():
            return lambda gradients, parameters, state, numbers: (gradients, state)
        case Momentum():
            return _for_each(spec, _momentum, rounding)
        case Nesterov():
            return _for_each(spec, _nesterov, rounding)
        case Adam():
            return _for_each(spec, _adam, rounding)
        case AdamW():
            return _for_each(spec, _adamw, rounding)
        case RMSprop():
            return _for_each(spec, _rmsprop, rounding)
        case _:
            assert_never(spec)


def _for_each(spec: Optimizer, rule: Callable[[Given, Exact], Found], r: Exact) -> Rule:
    """The rule of one parameter for all of them."""

    def of_all(
        gradients: Arrays, parameters: Arrays, state: Arrays, numbers: Numbers
    ) -> tuple[Arrays, Arrays]:
        directions: Arrays = {}
        after: Arrays = {}
        for name, g in gradients.items():
            given = Given(g, parameters[name], held_of(spec, state, name), numbers)
            directions[name], held = rule(given, r)
            after |= {named(name, slot): a for slot, a in held.items()}
        return directions, after

    return of_all


def _momentum(given: Given, r: Exact) -> Found:
    velocity = r.add(r(given.numbers["momentum"] * given.held["velocity"]), given.g)
    return velocity, {"velocity": velocity}


def _nesterov(given: Given, r: Exact) -> Found:
    velocity, held = _momentum(given, r)
    return r.add(given.g, r(given.numbers["momentum"] * velocity)), held


def _adam(given: Given, r: Exact) -> Found:
    first = _mean(given, "first_moment", "beta1", given.g, r)
    second = _mean(given, "second_moment", "beta2", r(given.g * given.g), r)
    root = r(np.sqrt(r(second / given.numbers["correction2"])))
    direction = r(r(first / given.numbers["correction1"]) / _plus_epsilon(root, given, r))
    return direction, {"first_moment": first, "second_moment": second}


def _adamw(given: Given, r: Exact) -> Found:
    direction, held = _adam(given, r)
    return r.add(direction, r(given.numbers["weight_decay"] * given.w)), held


def _rmsprop(given: Given, r: Exact) -> Found:
    average = _mean(given, "square_average", "rho", r(given.g * given.g), r)
    root = r(np.sqrt(average))
    return r(given.g / _plus_epsilon(root, given, r)), {"square_average": average}


def _mean(given: Given, slot: str, share: str, new: np.ndarray, r: Exact) -> np.ndarray:
    """The running mean, of which the old value keeps a share."""
    old = r(given.numbers[share] * given.held[slot])
    return r.add(old, r(given.numbers[f"one_minus_{share}"] * new))


def _plus_epsilon(root: np.ndarray, given: Given, r: Exact) -> np.ndarray:
    return r.add(root, np.asarray(given.numbers["epsilon"], root.dtype))


def probe(spec: Optimizer, inputs: Arrays) -> Arrays:
    """Parameters and state after some steps.

    `common.countermeasures.optimizer.of_probe` says of what.
    """
    parameters, gradients = of_probe(inputs)
    rule = build(spec)
    state = initial(spec, parameters)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        for step, found in enumerate(gradients, start=1):
            numbers = coefficients(spec) | corrections(spec, step)
            directions, state = rule(found, parameters, state, numbers)
            parameters = {
                name: w - numbers["learning_rate"] * directions[name]
                for name, w in parameters.items()
            }
    return parameters | state
