"""The port of net_torch.py with every line mended that python -m experiments.port has named."""

import keras
import numpy as np
from keras import layers


def model():
    x = inputs_ = keras.Input((8, 8, 1))
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(8, 3, strides=2, padding="valid", name="conv1")(x)
    x = layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name="bn1")(x)
    x = skip = layers.LeakyReLU(negative_slope=0.125)(x)
    x = layers.Conv2D(8, 3, padding="same", name="conv2")(x)
    x = layers.ReLU()(layers.Add()([x, skip]))
    x = layers.Flatten()(layers.Permute((3, 1, 2))(x))
    x = layers.Dense(16, activation="relu", name="fc1")(x)
    return keras.Model(inputs_, layers.Dense(10, name="fc2")(x))


def loss(output, y):
    return keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, output, from_logits=True))


def optimizer(model):
    return keras.optimizers.SGD(0.1, momentum=0.9)


def batch():
    """For a port of this one: python -m experiments.port keras=docs/examples/mended_keras.py
    jax=docs/examples/net_flax.py
    """
    rng = np.random.default_rng(0)
    return rng.standard_normal((8, 8, 8, 1)), rng.integers(0, 10, 8)
