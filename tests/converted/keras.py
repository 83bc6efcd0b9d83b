"""The model of eleven layers in Keras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from backends.keras import optimizer as keras_optimizer
from tests.converted.shared import (
    CLASSES,
    FEATURES,
    HEADS,
    OPTIMIZERS,
    TOKENS,
    UNITS,
    WORDS,
    Arrays,
    Stepped,
    batch,
)


def keras_model() -> Any:
    import keras

    layers = keras.layers
    x = keras.Input((WORDS,), dtype="int64")
    h = layers.Conv1D(FEATURES, 3, padding="same")(layers.Embedding(TOKENS, FEATURES)(x))
    h = layers.PReLU(shared_axes=[1, 2])(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(h))
    h = layers.GroupNormalization(2, epsilon=1e-5)(h)
    h = layers.LSTM(UNITS, return_sequences=True)(h)
    h = layers.SimpleRNN(FEATURES, return_sequences=True)(
        layers.GRU(FEATURES, return_sequences=True)(h)
    )
    h = layers.MultiHeadAttention(HEADS, FEATURES // HEADS)(h, h)
    h = keras.ops.mean(layers.LayerNormalization(epsilon=1e-5)(h), axis=1)
    return keras.Model(x, layers.Dense(CLASSES)(h))


def keras_optimizer_of(model: Any, kind: str) -> Any:
    stepper = keras_optimizer.build(OPTIMIZERS[kind])
    stepper.build(model.trainable_variables)
    return stepper


def keras_variables(model: Any, stepper: Any = None) -> Iterator[Any]:
    yield from model.variables
    if stepper:
        yield from stepper.variables


def keras_saved(model: Any, stepper: Any = None) -> Arrays:
    return {v.path: v.numpy() for v in keras_variables(model, stepper)}


def keras_loaded(model: Any, stepper: Any, arrays: Mapping[str, np.ndarray]) -> None:
    for v in keras_variables(model, stepper):
        v.assign(arrays[v.path])


def keras_step(model: Any, stepper: Any, seed: int) -> Stepped:
    import tensorflow as tf

    x, y = (tf.constant(a) for a in batch(seed))
    output = model(x, training=False).numpy()
    tape: Any
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x, training=True))
        loss = tf.reduce_mean(losses)
    found = tape.gradient(loss, model.trainable_variables)
    gru = next(
        i for i, v in enumerate(model.trainable_variables) if v.path.endswith("gru_cell/bias")
    )
    kept = np.ones((2, 3 * FEATURES))
    kept[1, : 2 * FEATURES] = 0  # of the second bias only the candidate's is trained
    found[gru] = found[gru] * kept
    stepper.apply(found, model.trainable_variables)
    return Stepped(output, keras_saved(model, stepper))
