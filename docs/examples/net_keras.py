"""The port of net_torch.py as it is usually written first; python -m experiments.port says what is
wrong with it.
"""

import keras
from keras import layers


def model():
    x = inputs_ = keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3, strides=2, padding="same", name="conv1")(x)
    x = layers.BatchNormalization(name="bn1")(x)
    x = skip = layers.LeakyReLU(negative_slope=0.125)(x)
    x = layers.Conv2D(8, 3, padding="same", name="conv2")(x)
    x = layers.ReLU()(layers.Add()([x, skip]))
    x = layers.Flatten()(x)
    x = layers.Dense(16, activation="relu", name="fc1")(x)
    return keras.Model(inputs_, layers.Dense(10, name="fc2")(x))


def loss(output, y):
    return keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, output, from_logits=True))


def optimizer(model):
    return keras.optimizers.SGD(0.1, momentum=0.9)
