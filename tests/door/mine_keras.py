"""The same model in Keras."""

import keras
import numpy as np

from common import WIDTH


def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.layers.Dense(WIDTH, activation="tanh"), keras.layers.Dense(3)])


def optimizer(model):
    return keras.optimizers.SGD(0.1)


def batch():
    rng = np.random.default_rng(1)
    return rng.normal(size=(16, 4)).astype("float32"), rng.integers(0, 3, 16)
