"""The same residual MLP as it is written in Keras: functional, with blocks as subclassed layers."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers


class Block(layers.Layer):
    """Two layers after a norm, beside a shortcut."""

    def __init__(self, width: int, inner: int, name: str) -> None:
        super().__init__(name=name)
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.expand = layers.Dense(inner)
        self.elu = layers.ELU(alpha=0.75)
        self.dropout = layers.Dropout(0.1)
        self.reduce = layers.Dense(width)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        h = self.elu(self.expand(self.norm(x)))
        h = self.dropout(h, training=training)
        return x + self.reduce(h)


def model() -> keras.Model:
    numbers = keras.Input((10,))
    x = layers.Dense(8, name="first")(numbers)
    x = layers.LeakyReLU(negative_slope=0.125, name="leaky")(x)
    x = Block(8, 12, "block_1")(x)
    x = Block(8, 14, "block_2")(x)
    x = Block(8, 12, "block_3")(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="last_norm")(x)
    return keras.Model(numbers, layers.Dense(3, name="last")(x))


loss = keras.losses.MeanSquaredError()


def optimizer(net: keras.Model) -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True, global_clipnorm=0.5)
