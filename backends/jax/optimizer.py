"""The optimizer in JAX: an optax transformation, chained after clipping.

Trap: RMSprop has its epsilon inside the root unless it is told `eps_in_sqrt=False`: a gradient of
1e-8 first moves a weight by 1e-4 of the learning rate, and not by 0.76 of it. `adamw` decays by
1e-4 unless told otherwise, and its `update` raises without the parameters. In float32 a traced `1 -
b2` is off by 1e-5 of itself; with a Python number it is not. The order of `chain` is that of the
step: a decay before clipping is clipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, assert_never

import jax
import jax.numpy as jnp
import numpy as np
import optax

from backends.jax.arrays import Tree
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

NATIVE = {
    "sgd": "optax.sgd",
    "momentum": "optax.sgd",
    "nesterov": "optax.sgd",
    "adam": "optax.adam",
    "adamw": "optax.adamw",
    "rmsprop": "optax.rmsprop",
}

Numbers = Mapping[str, Any]
Rule = Callable[[Tree, Tree, Tree, Numbers], tuple[Tree, Tree]]
"""From gradients, parameters, a state by `parameter.slot` and a step's numbers to directions and
the new state."""


def build(spec: Optimizer) -> optax.GradientTransformation:
    """The transformation, to be chained after clipping; its `update` takes the parameters too."""
    match spec:
        case SGD(learning_rate=rate):
            return optax.sgd(rate)
        case Momentum(learning_rate=rate, momentum=momentum):
            return optax.sgd(rate, momentum=momentum)
        case Nesterov(learning_rate=rate, momentum=momentum):
            return optax.sgd(rate, momentum=momentum, nesterov=True)
        case Adam(learning_rate=rate, beta1=beta1, beta2=beta2, epsilon=epsilon):
            return optax.adam(rate, b1=beta1, b2=beta2, eps=epsilon, eps_root=0.0)
        case AdamW(
            learning_rate=rate, beta1=beta1, beta2=beta2, epsilon=epsilon, weight_decay=decay
        ):
            return optax.adamw(
                rate, b1=beta1, b2=beta2, eps=epsilon, eps_root=0.0, weight_decay=decay
            )
        case RMSprop(learning_rate=rate, rho=rho, epsilon=epsilon):
            return optax.rmsprop(rate, decay=rho, eps=epsilon, initial_scale=0.0, eps_in_sqrt=False)
        case _:
            assert_never(spec)


def layer(spec: Optimizer) -> Rule:
    """From the clipped gradients of one seed to the directions of a step, all [layer, ...] by name.

    Not optax's own: its bias correction, and what a traced number leaves of 1, are computed in the
    precision of the run.
    """
    match spec:
        case SGD():
            return lambda gradients, parameters, state, numbers: (gradients, {})
        case Momentum():
            return _for_each(spec, _momentum)
        case Nesterov():
            return _for_each(spec, _nesterov)
        case Adam():
            return _for_each(spec, _adam)
        case AdamW():
            return _for_each(spec, _adamw)
        case RMSprop():
            return _for_each(spec, _rmsprop)
        case _:
            assert_never(spec)


Found = tuple[jax.Array, Tree]
"""The direction of one parameter, and its slots after the step."""


def _for_each(
    spec: Optimizer, rule: Callable[[jax.Array, jax.Array, Tree, Numbers], Found]
) -> Rule:
    """The rule of one parameter for all of them."""

    def of_all(
        gradients: Tree, parameters: Tree, state: Tree, numbers: Numbers
    ) -> tuple[Tree, Tree]:
        directions: Tree = {}
        after: Tree = {}
        for name, g in gradients.items():
            directions[name], held = rule(g, parameters[name], held_of(spec, state, name), numbers)
            after |= {named(name, slot): a for slot, a in held.items()}
        return directions, after

    return of_all


def _momentum(g: jax.Array, w: jax.Array, held: Tree, numbers: Numbers) -> Found:
    velocity = numbers["momentum"] * held["velocity"] + g
    return velocity, {"velocity": velocity}


def _nesterov(g: jax.Array, w: jax.Array, held: Tree, numbers: Numbers) -> Found:
    velocity, after = _momentum(g, w, held, numbers)
    return g + numbers["momentum"] * velocity, after


def _adam(g: jax.Array, w: jax.Array, held: Tree, numbers: Numbers) -> Found:
    first = numbers["beta1"] * held["first_moment"] + numbers["one_minus_beta1"] * g
    second = numbers["beta2"] * held["second_moment"] + numbers["one_minus_beta2"] * jnp.square(g)
    root = jnp.sqrt(second / numbers["correction2"]) + numbers["epsilon"]
    return first / numbers["correction1"] / root, {"first_moment": first, "second_moment": second}


def _adamw(g: jax.Array, w: jax.Array, held: Tree, numbers: Numbers) -> Found:
    direction, after = _adam(g, w, held, numbers)
    return direction + numbers["weight_decay"] * w, after


def _rmsprop(g: jax.Array, w: jax.Array, held: Tree, numbers: Numbers) -> Found:
    average = numbers["rho"] * held["square_average"] + numbers["one_minus_rho"] * jnp.square(g)
    return g / (jnp.sqrt(average) + numbers["epsilon"]), {"square_average": average}


def probe(spec: Optimizer, inputs: Arrays, form: Callable[[Any], Any] = layer) -> Arrays:
    """Parameters and, of `layer`, the state after some steps.

    `common.countermeasures.optimizer.of_probe` says of what.
    """
    start, gradients = of_probe(inputs)
    steps = [{name: jnp.asarray(g) for name, g in found.items()} for found in gradients]
    parameters = {name: jnp.asarray(a) for name, a in start.items()}
    if form is not layer:
        return _by_itself(form(spec), parameters, steps)
    state = {name: jnp.asarray(a) for name, a in initial(spec, start).items()}
    rule = jax.vmap(layer(spec), in_axes=(0, 0, 0, None))
    for step, found in enumerate(steps, start=1):
        numbers = coefficients(spec) | corrections(spec, step)
        directions, state = rule(found, parameters, state, numbers)
        parameters = {
            name: w - numbers["learning_rate"] * directions[name] for name, w in parameters.items()
        }
    return {name: np.asarray(a) for name, a in (parameters | state).items()}


def _by_itself(
    transformation: optax.GradientTransformation, parameters: Tree, steps: list[Tree]
) -> Arrays:
    """Parameters after some steps of an optimizer as a model has it."""
    state = transformation.init(parameters)
    for found in steps:
        updates, state = transformation.update(found, state, parameters)
        parameters = {name: w + updates[name] for name, w in parameters.items()}  # pyright: ignore[reportIndexIssue, reportCallIssue, reportArgumentType]
    return {name: np.asarray(a) for name, a in parameters.items()}


def native(spec: Optimizer) -> Callable[[float], optax.GradientTransformation]:
    """What optax ships, with its defaults, to be called with the learning rate, which has none."""
    match spec:
        case SGD():
            return optax.sgd
        case Momentum(momentum=momentum):
            return partial(optax.sgd, momentum=momentum)
        case Nesterov(momentum=momentum):
            return partial(optax.sgd, momentum=momentum, nesterov=True)
        case Adam():
            return optax.adam
        case AdamW():
            return optax.adamw
        case RMSprop():
            return optax.rmsprop
        case _:
            assert_never(spec)
