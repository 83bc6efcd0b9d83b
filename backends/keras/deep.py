"""The deep network of common/deep.py as Keras layers, trained with a tape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from backends.keras.trial import in_float64, value
from common.deep import FEATURES, LAYER, Outcome, Setting, batches, kernels, names, outcome, sizes
from common.network import Arrays

PIECES = {
    "affine": "layers.Dense(n_out)",
    "activation": "layers.ReLU()",
    "loss": "losses.SparseCategoricalCrossentropy(from_logits=True)",
    "optimizer": "optimizers.SGD(rate)",
}
"""The line of each piece that every network has."""

Layers = list[Any]


def model(setting: Setting) -> list[Layers]:
    """The layers one after another, that of the logits at the end, all of them built."""
    return _own(setting) if setting.network else _of_pieces(setting)


def _own(setting: Setting) -> list[Layers]:
    found = [[layer] for layer in value(setting.network, names(setting))]
    applied(found, tf.zeros((1, FEATURES), tf.float64), training=True)
    return found


def _of_pieces(setting: Setting) -> list[Layers]:
    *hidden, last = sizes(setting)
    found = [layer(setting.pieces, *size) for size in hidden]
    found.append([value(setting.pieces["affine"], {"n_in": last[0], "n_out": last[1]})])
    for parts, (n_in, n_out), kernel in zip(found, sizes(setting), kernels(setting), strict=True):
        for part in parts:
            part.build((None, n_in if part is parts[0] else n_out))
        if not setting.own_start:
            parts[0].set_weights([kernel, np.zeros(n_out)])
    return found


def layer(pieces: Mapping[str, str], n_in: int, n_out: int) -> Layers:
    """One hidden layer."""
    known = {"n_in": n_in, "n_out": n_out, "units": n_out}
    return [value(pieces[name], known) for name in LAYER if name in pieces]


def applied(network: list[Layers], x: Any, training: bool) -> list[Any]:
    """The output of each layer."""
    signals, h = [], x
    for parts in network:
        for part in parts:
            h = (
                part(h, training=training)
                if isinstance(part, keras.layers.BatchNormalization)
                else part(h)
            )
        signals.append(h)
    return signals


def train(setting: Setting, training: Arrays, test: Arrays, rate: float) -> Outcome:
    """Train it, and say what came of it."""
    with in_float64():
        return _train(setting, training, test, rate)


def _train(setting: Setting, training: Arrays, test: Arrays, rate: float) -> Outcome:
    keras.utils.set_random_seed(setting.seed)
    network = model(setting)
    pieces = setting.pieces
    variables = [
        variable for parts in network for part in parts for variable in part.trainable_variables
    ]
    optimizer = value(pieces.get("clip", pieces["optimizer"]), {"rate": rate})
    optimizer.build(variables)
    loss_of = value(pieces["loss"])

    def step(x: Any, y: Any) -> tuple[Any, list[Any]]:
        with tf.GradientTape() as tape:
            signals = applied(network, x, training=True)
            loss = loss_of(y, signals[-1])
        found: Any = tape.gradient(loss, (variables, signals[:-1]))
        gradients, by_signals = found
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss, by_signals

    compiled = tf.function(step)
    first = []
    loss = np.nan
    for x, y in batches(setting, training):
        value_of_loss, by_signals = compiled(tf.constant(x), tf.constant(y))
        first = first or [g.numpy() for g in by_signals]
        loss = value_of_loss.numpy()
    predicted = applied(network, tf.constant(test["x"]), training=False)[-1].numpy().argmax(1)
    return outcome(first, loss, predicted == test["y"])
