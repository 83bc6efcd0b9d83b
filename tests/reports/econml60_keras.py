"""A regression on features between 0 and 1,000."""

import keras
import numpy as np
from keras import layers


def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(32, activation="relu", name="dense_1"),
            layers.Dense(16, activation="relu", name="dense_2"),
            layers.Dense(1, name="out"),
        ]
    )


def loss(output, y):
    return keras.ops.mean((output - y) ** 2)


def optimizer(model):
    return keras.optimizers.SGD(0.01)


def batch():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1000, (32, 6)).astype("float32")
    return x, (x[:, :1] > 500).astype("float32")
