"""All gradients are clipped together, as in the original of BERT."""

import keras
import numpy as np
from keras import layers


def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="tanh", name="dense"),
            layers.Dense(3, name="logits"),
        ]
    )


def loss(output, y):
    return keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, output, from_logits=True))


def optimizer(model):
    return keras.optimizers.SGD(0.1, global_clipnorm=0.1)


def batch():
    rng = np.random.default_rng(0)
    return rng.standard_normal((8, 6)), rng.integers(0, 3, 8)
