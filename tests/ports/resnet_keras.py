"""The same residual CNN as it is written in Keras: a block is a layer, and the model is subclassed;
channels last.
"""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers, ops


class Block(layers.Layer):
    """Two convolutions and a shortcut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, filters: int, strides: int = 1) -> None:
        super().__init__()
        self.pad = layers.ZeroPadding2D(1)
        self.conv1 = layers.Conv2D(filters, 3, strides, use_bias=False)
        self.bn1 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.relu1 = layers.ReLU()
        self.conv2 = layers.Conv2D(filters, 3, padding="same", use_bias=False)
        self.bn2 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.strides = strides
        if strides > 1:
            self.shortcut = layers.Conv2D(filters, 1, strides, use_bias=False)
            self.shortcut_bn = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.add = layers.Add()
        self.relu2 = layers.ReLU()

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        out = self.conv1(self.pad(x))
        out = self.relu1(self.bn1(out, training=training))
        out = self.bn2(self.conv2(out), training=training)
        if self.strides > 1:
            x = self.shortcut_bn(self.shortcut(x), training=training)
        return self.relu2(self.add([out, x]))


class ResNet(keras.Model):
    """Images [batch, 8, 8, 3] to 5 logits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = layers.Conv2D(6, 3, padding="same", use_bias=False)
        self.stem_bn = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.block1 = Block(6)
        self.block2 = Block(8, strides=2)
        self.pool = layers.GlobalAveragePooling2D()
        self.classes = layers.Dense(5)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        x = ops.relu(self.stem_bn(self.stem(x), training=training))
        x = self.block1(x, training=training)
        x = self.block2(x, training=training)
        return self.classes(self.pool(x))


def model() -> keras.Model:
    return ResNet()


loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def optimizer(net: keras.Model) -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(0.1)
