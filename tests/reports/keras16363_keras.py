"""The block in Keras: padding "same", and the epsilon that Keras has where nothing is said."""

import keras
from keras import layers


def model():
    x = inputs = keras.Input((8, 8, 3))
    y = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False, name="conv1")(x)
    y = layers.ReLU()(layers.BatchNormalization(name="bn1")(y))
    y = layers.Conv2D(6, 3, padding="same", use_bias=False, name="conv2")(y)
    y = layers.BatchNormalization(name="bn2")(y)
    shortcut = layers.Conv2D(6, 1, strides=2, use_bias=False, name="shortcut")(x)
    y = layers.ReLU()(layers.Add()([y, shortcut]))
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(y))


def loss(output, y):
    return keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, output, from_logits=True))
