"""The same CNN as it is written in Keras: functional, channels last."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers


def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", use_bias=False, name="conv_a")(image)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm_a")(x)
    x = layers.ReLU(name="relu_a")(x)
    x = layers.MaxPooling2D(2, name="pool_a")(x)
    x = layers.Conv2D(8, 3, padding="same", name="conv_b")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm_b")(x)
    x = layers.LeakyReLU(negative_slope=0.25, name="leaky_b")(x)
    x = layers.ZeroPadding2D(1, name="pad_b")(x)
    x = layers.AveragePooling2D(3, 2, name="pool_b")(x)
    x = layers.DepthwiseConv2D(3, padding="same", activation="elu", name="conv_c")(x)
    x = layers.Permute((3, 1, 2), name="channels_first")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(12, activation="tanh", name="hidden")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    x = layers.Dense(5, name="logits")(x)
    return trained(keras.Model(image, x))


def trained(net: keras.Model) -> keras.Model:
    """Scales, biases and statistics as after some training: none is 0 or 1."""
    rng = np.random.default_rng(0)
    for weight in net.weights:
        if len(weight.shape) == 1:
            least = 0.5 if weight.name in ("gamma", "moving_variance") else -0.5
            weight.assign(rng.uniform(least, least + 1, weight.shape))
    return net


loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def optimizer(net: keras.Model) -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(0.1)


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 8, 8, 3)), rng.integers(0, 5, 6)
