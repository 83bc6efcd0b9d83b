"""The optimizer in Keras: a class of `keras.optimizers`.

Adam and RMSprop with their epsilon where the others have it.

Trap: Adam adds epsilon before the bias correction, and RMSprop inside the root, 1e-7 by default:
for a gradient of 1e-8 the first step of Adam is 3e-3 of the learning rate, and half of it
elsewhere. A Python number goes through float32, in a float64 model too, and a NumPy one does not:
`momentum=0.9` is 0.8999999761581421. The learning rate is part of the velocity, so that a new one
does not hold for what was gathered. `weight_decay` is decoupled in every class, and 0.004 in AdamW.
An epsilon that is changed after the first step of a `tf.function` changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, assert_never

import keras
import numpy as np
import tensorflow as tf

from backends.keras.arrays import Tensor, Tensors
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
    "sgd": "keras.optimizers.SGD",
    "momentum": "keras.optimizers.SGD",
    "nesterov": "keras.optimizers.SGD",
    "adam": "keras.optimizers.Adam",
    "adamw": "keras.optimizers.AdamW",
    "rmsprop": "keras.optimizers.RMSprop",
}

Numbers = Mapping[str, Any]
Rule = Callable[[Tensors, Tensors, Tensors, Numbers], tuple[Tensors, Tensors]]
"""From gradients, parameters, a state by `parameter.slot` and a step's numbers to directions and
the new state."""


class FaithfulAdam(keras.optimizers.Adam):
    """Adam with epsilon after the bias correction.

    Its numbers are in float64 until they meet the variable's.
    """

    def update_step(self, gradient: Tensor, variable: Tensor, learning_rate: Tensor) -> None:
        """Change a variable and its moments."""
        index = self._get_variable_index(variable)
        first = self._momentums[index]
        second = self._velocities[index]
        step = tf.cast(tf.convert_to_tensor(self.iterations), "float64") + 1
        correction1 = tf.cast(1 - tf.constant(self.beta_1, "float64") ** step, variable.dtype)
        correction2 = tf.cast(1 - tf.constant(self.beta_2, "float64") ** step, variable.dtype)
        self.assign(first, running_mean(first, gradient, self.beta_1))
        self.assign(second, running_mean(second, tf.square(gradient), self.beta_2))
        root = tf.sqrt(second.value / correction2) + tf.constant(self.epsilon, variable.dtype)
        self.assign_sub(
            variable, tf.cast(learning_rate, variable.dtype) * (first.value / correction1) / root
        )


class FaithfulRMSprop(keras.optimizers.RMSprop):
    """RMSprop with epsilon outside the root."""

    def update_step(self, gradient: Tensor, variable: Tensor, learning_rate: Tensor) -> None:
        """Change a variable and the average of its squared gradients."""
        average = self._velocities[self._get_variable_index(variable)]
        self.assign(average, running_mean(average, tf.square(gradient), self.rho))
        root = tf.sqrt(average.value) + tf.constant(self.epsilon, variable.dtype)
        self.assign_sub(variable, tf.cast(learning_rate, variable.dtype) * gradient / root)


def running_mean(old: keras.Variable, new: Tensor, share: float) -> Tensor:
    """The mean of which the old value keeps a share."""
    kept, taken = (tf.constant(number, new.dtype) for number in (share, 1 - share))
    return kept * old.value + taken * new


def build(spec: Optimizer) -> keras.optimizers.Optimizer:
    """The optimizer, for a loop of one's own or for `compile`.

    The model's precision has to be `floatx` too.
    """
    rate = np.float64(spec.learning_rate)
    match spec:
        case SGD():
            return keras.optimizers.SGD(rate, momentum=0.0)
        case Momentum(momentum=momentum):
            return keras.optimizers.SGD(rate, momentum=np.float64(momentum))
        case Nesterov(momentum=momentum):
            return keras.optimizers.SGD(rate, momentum=np.float64(momentum), nesterov=True)
        case Adam(beta1=beta1, beta2=beta2, epsilon=epsilon):
            return FaithfulAdam(rate, beta1, beta2, epsilon)
        case AdamW(beta1=beta1, beta2=beta2, epsilon=epsilon, weight_decay=decay):
            return FaithfulAdam(rate, beta1, beta2, epsilon, weight_decay=np.float64(decay))
        case RMSprop(rho=rho, epsilon=epsilon):
            return FaithfulRMSprop(rate, rho, momentum=0.0, epsilon=epsilon, centered=False)
        case _:
            assert_never(spec)


def layer(spec: Optimizer) -> Rule:
    """From clipped gradients to the directions of a step, all [seed, layer, ...] by name."""
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


Found = tuple[Tensor, Tensors]
"""The direction of one parameter, and its slots after the step."""


def _for_each(spec: Optimizer, rule: Callable[[Tensor, Tensor, Tensors, Numbers], Found]) -> Rule:
    """The rule of one parameter for all of them."""

    def of_all(
        gradients: Tensors, parameters: Tensors, state: Tensors, numbers: Numbers
    ) -> tuple[Tensors, Tensors]:
        directions: Tensors = {}
        after: Tensors = {}
        for name, g in gradients.items():
            directions[name], held = rule(g, parameters[name], held_of(spec, state, name), numbers)
            after |= {named(name, slot): a for slot, a in held.items()}
        return directions, after

    return of_all


def _momentum(g: Tensor, w: Tensor, held: Tensors, numbers: Numbers) -> Found:
    velocity = numbers["momentum"] * held["velocity"] + g
    return velocity, {"velocity": velocity}


def _nesterov(g: Tensor, w: Tensor, held: Tensors, numbers: Numbers) -> Found:
    velocity, after = _momentum(g, w, held, numbers)
    return g + numbers["momentum"] * velocity, after


def _adam(g: Tensor, w: Tensor, held: Tensors, numbers: Numbers) -> Found:
    first = numbers["beta1"] * held["first_moment"] + numbers["one_minus_beta1"] * g
    second = numbers["beta2"] * held["second_moment"] + numbers["one_minus_beta2"] * tf.square(g)
    root = tf.sqrt(second / numbers["correction2"]) + numbers["epsilon"]
    return first / numbers["correction1"] / root, {"first_moment": first, "second_moment": second}


def _adamw(g: Tensor, w: Tensor, held: Tensors, numbers: Numbers) -> Found:
    direction, after = _adam(g, w, held, numbers)
    return direction + numbers["weight_decay"] * w, after


def _rmsprop(g: Tensor, w: Tensor, held: Tensors, numbers: Numbers) -> Found:
    average = numbers["rho"] * held["square_average"] + numbers["one_minus_rho"] * tf.square(g)
    return g / (tf.sqrt(average) + numbers["epsilon"]), {"square_average": average}


def probe(spec: Optimizer, inputs: Arrays, form: Callable[[Any], Any] = layer) -> Arrays:
    """Parameters and, of `layer`, the state after some steps.

    `common.countermeasures.optimizer.of_probe` says of what.
    """
    start, gradients = of_probe(inputs)
    steps = [{name: tf.constant(g) for name, g in found.items()} for found in gradients]
    if form is not layer:
        return _by_itself(form(spec), start, steps)
    parameters: Tensors = {name: tf.constant(a) for name, a in start.items()}
    state: Tensors = {name: tf.constant(a) for name, a in initial(spec, start).items()}
    rule = layer(spec)
    for step, found in enumerate(steps, start=1):
        held = coefficients(spec) | corrections(spec, step)
        numbers = {name: tf.constant(value, "float64") for name, value in held.items()}
        directions, state = rule(found, parameters, state, numbers)
        parameters = {
            name: w - numbers["learning_rate"] * directions[name] for name, w in parameters.items()
        }
    return {name: a.numpy() for name, a in (parameters | state).items()}


def _by_itself(
    optimizer: keras.optimizers.Optimizer, start: Arrays, steps: list[Tensors]
) -> Arrays:
    """Parameters after some steps of an optimizer as a model has it."""
    variables = {name: keras.Variable(a, dtype="float64") for name, a in start.items()}
    for found in steps:
        optimizer.apply(list(found.values()), list(variables.values()))
    return {name: variable.numpy() for name, variable in variables.items()}


def native(spec: Optimizer) -> keras.optimizers.Optimizer:
    """Keras' own optimizer with its own defaults."""
    match spec:
        case SGD():
            return keras.optimizers.SGD()
        case Momentum(momentum=momentum):
            return keras.optimizers.SGD(momentum=momentum)
        case Nesterov(momentum=momentum):
            return keras.optimizers.SGD(momentum=momentum, nesterov=True)
        case Adam():
            return keras.optimizers.Adam()
        case AdamW():
            return keras.optimizers.AdamW()
        case RMSprop():
            return keras.optimizers.RMSprop()
        case _:
            assert_never(spec)
