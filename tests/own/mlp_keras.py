"""A multi-layer perceptron of Keras with the weights of a plan, which lie beside the data."""

from pathlib import Path

import keras
import numpy as np

KEPT = dict(np.load(Path(__file__).with_name("plan.npz")))


def model():
    sizes = KEPT["sizes"].tolist()
    found = keras.Sequential([keras.Input((sizes[0],))])
    for n in sizes[1:-1]:
        found.add(keras.layers.Dense(n))
        if KEPT["batch"]:
            found.add(keras.layers.BatchNormalization(epsilon=1e-5))
        found.add(keras.layers.Activation("tanh" if KEPT["tanh"] else "relu"))
    found.add(keras.layers.Dense(sizes[-1]))
    for i, layer in enumerate(
        each for each in found.layers if isinstance(each, keras.layers.Dense)
    ):
        layer.set_weights([KEPT[f"weight{i}"], KEPT[f"bias{i}"]])
    return found


def optimizer(model):
    return keras.optimizers.SGD(0.1)


def batch():
    return KEPT["x"], KEPT["y"]
