"""The LeNet in Keras, with PyTorch's momentum of 0.1 taken over as a number, and what Keras has
where nothing is said.
"""

import keras
from keras import layers


def model(flatten=(), momentum=0.1, epsilon=1e-3):
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu", name="conv1"),
            layers.BatchNormalization(momentum=momentum, epsilon=epsilon, name="bnm1"),
            layers.MaxPooling2D(2),
            *flatten,
            layers.Flatten(),
            layers.Dense(8, activation="relu", name="fc1"),
            layers.BatchNormalization(momentum=momentum, epsilon=epsilon, name="bnm3"),
            layers.Dense(5, name="fc3"),
        ]
    )


def mended():
    return model([layers.Permute((3, 1, 2))], 0.9, 1e-5)


def loss(output, y):
    return keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, output, from_logits=True))


def optimizer(model):
    return keras.optimizers.SGD(0.1)
