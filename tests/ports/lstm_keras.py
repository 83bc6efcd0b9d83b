"""The same LSTM as it is written in Keras: sequential; and the GRU."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers


def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int64"),
            layers.Embedding(15, 6),
            layers.LSTM(
                8,
                return_sequences=True,
                bias_initializer="random_normal",
                unit_forget_bias=False,
                name="lstm_1",
            ),
            layers.LSTM(8, bias_initializer="random_normal", unit_forget_bias=False, name="lstm_2"),
            layers.Dense(4, name="logits"),
        ]
    )


def gru() -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int64"),
            layers.Embedding(15, 6),
            layers.GRU(8, return_sequences=True, bias_initializer="random_normal", name="gru_1"),
            layers.GRU(8, bias_initializer="random_normal", name="gru_2"),
            layers.Dense(4, name="logits"),
        ]
    )


loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def optimizer(net: keras.Model) -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(0.1, momentum=0.9, clipvalue=0.02)


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.integers(0, 15, (6, 6)), rng.integers(0, 4, 6)
