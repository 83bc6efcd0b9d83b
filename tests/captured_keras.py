"""Keras models that are awkward to look into, by their layers; those with a class of their own are
taken along.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from tests.captured_keras_case import LABELS, Awkward, real
from tests.captured_keras_own import frozen, nested, rematerialized, twice
from tests.captured_keras_written import Branching, Sealed, heads, rowwise, several, transformer

__all__ = [
    "Branching",
    "Sealed",
    "frozen",
    "heads",
    "nested",
    "rematerialized",
    "rowwise",
    "several",
    "transformer",
    "twice",
]


def perceptron() -> Awkward:
    inner = [
        layers.Dense(4, activation="tanh", name="a"),
        layers.Dense(4, activation=layers.LeakyReLU(0.1), name="b"),
    ]
    model = keras.Sequential(
        [keras.Input((5,)), *inner, layers.ELU(name="elu"), layers.Dense(3, name="c")]
    )
    places = [
        "a affine",
        "a:tanh activation",
        "b affine",
        "b:leaky_relu activation",
        "elu activation",
        "c affine",
        " container",
    ]
    return Awkward(model, real(3, 5), LABELS, places)


def convolutions(training: bool = True) -> Awkward:
    x = keras.Input((6, 5, 2))
    h = layers.Conv2D(4, 3, strides=2, padding="same", name="stem")(x)
    h = layers.BatchNormalization(name="norm")(h)
    h = ops.gelu(h) + layers.Conv2D(4, 1, name="side")(h)
    h = layers.DepthwiseConv2D(2, depth_multiplier=2, name="depthwise")(h)
    h = layers.Conv2DTranspose(2, 3, strides=2, padding="same", name="up")(h)
    h = layers.AveragePooling2D(2, name="pool")(h)
    model = keras.Model(x, layers.Dense(3, name="head")(layers.Flatten(name="flat")(h)))
    names = [
        "stem convolution",
        "norm batch_norm",
        ":gelu activation",
        "side convolution",
        ":add add",
    ]
    names += [
        "depthwise convolution",
        "up convolution",
        "pool pooling",
        "flat flatten",
        "head affine",
        " container",
    ]
    return Awkward(model, real(3, 6, 5, 2), LABELS, names, training)


def evaluated() -> Awkward:
    return convolutions(training=False)


def grouped() -> Awkward:
    convolution = layers.Conv2D(
        4, (3, 2), strides=2, groups=2, padding="same", activation="sigmoid", name="grouped"
    )
    model = keras.Sequential(
        [keras.Input((6, 5, 4)), convolution, layers.GlobalAveragePooling2D(name="mean")]
    )
    names = [
        "grouped convolution",
        "grouped:sigmoid activation",
        "mean global_pooling",
        " container",
    ]
    return Awkward(model, real(3, 6, 5, 4), LABELS, names)


def recurrent() -> Awkward:
    x = keras.Input((3, 3))
    h = layers.LSTM(3, return_sequences=True, name="lstm")(x)
    h = layers.Bidirectional(layers.GRU(2, return_sequences=True), name="both")(h)
    h = layers.SimpleRNN(3, return_sequences=True, go_backwards=True, name="rnn")(h)
    h = layers.GRU(3, reset_after=False, name="gru")(h)
    model = keras.Model(x, h)
    kinds = ["lstm", "both[0]", "both[0,back]", "both", "rnn", "gru"]
    return Awkward(
        model,
        real(3, 3, 3),
        real(3, 3, seed=1),
        [*(f"{path} recurrent" for path in kinds), " container"],
    )


def probabilities() -> Awkward:
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.GaussianNoise(0.5, name="noise"),
            layers.Dense(3, name="d", activation="softmax"),
        ]
    )
    model.compile(
        loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.SGD(0.1, momentum=0.9)
    )
    return Awkward(
        model,
        real(3, 4),
        LABELS,
        ["noise dropout", "d affine", "d:softmax activation", " container"],
    )


def normalized() -> Awkward:
    x = keras.Input((4, 4))
    h = layers.Conv1D(4, 3, padding="causal", dilation_rate=2, name="causal")(x)
    h = layers.GroupNormalization(2, name="group")(h)
    h = layers.PReLU("he_normal", shared_axes=[1], name="prelu")(h)
    h = layers.Permute((2, 1), name="turned")(h)
    h = layers.MaxPooling1D(3, strides=2, padding="same", name="pool")(h)
    h = layers.SpectralNormalization(layers.Dense(3, name="d"), name="spectral")(h)
    model = keras.Model(x, ops.mean(h, axis=1))
    places = [
        "causal convolution",
        "group group_norm",
        "prelu activation",
        "turned transpose",
        "pool pooling",
    ]
    return Awkward(
        model,
        real(3, 4, 4),
        LABELS,
        [*places, "spectral.layer affine", "spectral other", ":mean mean", " container"],
    )
