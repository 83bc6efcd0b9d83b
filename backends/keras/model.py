"""The network of any plan as an ordinary Keras model.

Layers, an optimizer of `keras.optimizers`, a loop.

    model = build(plan, seed=0)
    losses = train(model, plan, batches)

It is made of the rooms' `build`s, and computes what the definition does; the engine
(backends/keras/network.py) does so for several seeds at once, and measures. `model.compile` with
the same optimizer and loss, and `fit`, take the same steps.

Trap: Keras draws by `keras.utils.set_random_seed`, or by an initializer's own seed, of which each
layer needs another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from backends.keras import clipping, loss, optimizer
from backends.keras.arrays import Tensor, to_numpy
from backends.keras.ordinary import placed, room, started
from common.network import Arrays
from common.part import Part
from common.placement import Place, Samples, inputs_of, layers_of, places, together
from common.plan import Plan


def sequential(parts: Iterable[Part], units: int, dtype: str) -> keras.Sequential:
    """Parts one after another, for x [batch, (time,) unit] with so many units."""
    found = keras.Sequential()
    for part in parts:
        inner = sequential(part.inner, units, dtype)
        layer = room(part.room).module(part, units, inner, dtype)
        layer.name = part.room
        found.add(layer)
        units = part.outputs(units)
    return found


def build(plan: Plan, seed: int) -> keras.Sequential:
    """The model in the plan's precision, its parameters drawn by the plan's initialization."""
    model = keras.Sequential([keras.Input(inputs_of(plan.network), dtype=plan.precision)])
    for name, stack in layers_of(plan.network):
        layer = sequential(stack.block, stack.inputs, plan.precision)
        layer.name = name
        model.add(layer)
    start(model, plan, seed)
    return model


def start(model: keras.Sequential, plan: Plan, seed: int) -> None:
    """Draw weights and biases, and fill the rest with what it starts at."""
    for own, place in enumerate(places(plan.network, placed), start=seed):
        put(model, place, np.asarray(started(plan, place, own)))


def put(model: keras.Sequential, place: Place, a: np.ndarray) -> None:
    """Give a variable, or one gate's share of it, the numbers of an array of ours."""
    variable = variable_of(model, place)
    variable.assign(place.kept.put(to_numpy(variable.value), a))


def variable_of(model: keras.Sequential, place: Place) -> keras.Variable:
    """The trained variable or the statistic in which something is."""
    found: Any = model
    for name in place.path:
        found = (
            found.get_layer(name) if isinstance(found, keras.Sequential) else getattr(found, name)
        )
    return found


def load(model: keras.Sequential, plan: Plan, arrays: Arrays) -> None:
    """Put parameters and statistics [layer, ...] by our names into the model."""
    for place in places(plan.network, placed):
        put(model, place, arrays[place.name][place.at])


def arrays(model: keras.Sequential, plan: Plan) -> Arrays:
    """The parameters and statistics of the model, [layer, ...] by our names."""
    return together(
        places(plan.network, placed), lambda place: to_numpy(variable_of(model, place).value)
    )


def gradients(model: keras.Sequential, plan: Plan, samples: Samples) -> tuple[float, Arrays]:
    """The loss of a batch, and its unclipped gradients, [layer, ...] by our names of parameters."""
    trained = [place for place in places(plan.network, placed) if place.trained]
    sources = [variable_of(model, place).value for place in trained]
    x, y = tensors(plan, samples)
    tape: Any
    with tf.GradientTape() as tape:
        value = loss.build(plan.network.loss, plan.precision)(y, model(x, training=True))
    found = dict(zip(trained, tape.gradient(value, sources), strict=True))
    return float(value), together(trained, lambda place: to_numpy(found[place]))


def tensors(plan: Plan, samples: Samples) -> tuple[Tensor, Tensor]:
    """The samples of a batch in the plan's precision."""
    x, y = (tf.constant(a, plan.precision if a.dtype.kind == "f" else None) for a in samples)
    return x, y


def train(model: keras.Sequential, plan: Plan, batches: Iterable[Samples]) -> list[float]:
    """Train the model with the plan's clipping and optimizer, and give the loss of each step."""
    of_batch = loss.build(plan.network.loss, plan.precision)
    stepper = clipping.build(plan.clipping)(optimizer.build(plan.optimizer))
    stepper.build(model.trainable_variables)

    @tf.function
    def step(x: Tensor, y: Tensor) -> Tensor:
        tape: Any
        with tf.GradientTape() as tape:
            value = of_batch(y, model(x, training=True))
        found = tape.gradient(value, model.trainable_variables)
        stepper.apply(found, model.trainable_variables)
        return value

    return [float(step(*tensors(plan, samples))) for samples in batches]


def predict(model: keras.Sequential, plan: Plan, x: np.ndarray) -> np.ndarray:
    """The outputs [batch, output] for x [batch, (time,) features], in evaluation."""
    return to_numpy(tf.convert_to_tensor(model(tf.constant(x, plan.precision), training=False)))
