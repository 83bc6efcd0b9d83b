"""Keras models with a class of their own that are awkward to look into, each with its batch and its
places.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras.ops import tanh

from tests.captured_keras_case import LABELS, Awkward, real


class Twice(keras.Model):
    """A layer that is called twice, another under two names, and a matrix that is used
    transposed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.words = layers.Embedding(7, 4)
        self.dense = layers.Dense(4)
        self.same = self.dense
        self.act = keras.activations.softplus

    def call(self, x: Any) -> Any:
        h: Any = tanh(self.dense(self.words(x)))
        h = self.act(self.same(h))
        h += 1.0
        return tf.reduce_mean(h @ tf.transpose(self.words.embeddings), axis=1)


def twice() -> Awkward:
    places = [
        "words embedding",
        "dense affine",
        ":tanh activation",
        "dense affine",
        ":softplus activation",
        ":add add",
    ]
    places += [":transpose transpose", ":matmul matmul", ":reduce_mean mean", " container"]
    return Awkward(Twice(), np.array([[1, 2], [3, 6], [0, 2]]), LABELS, places)


class Block(layers.Layer):
    """A residual block with parameters and a statistic of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = keras.Sequential(
            [layers.Dense(4, activation="silu", name="d"), layers.LayerNormalization(name="n")]
        )

    def build(self, shape: Any) -> None:
        self.gain: Any = self.add_weight(shape=(4,), initializer="ones", name="gain")
        self.seen: Any = self.add_weight(
            shape=(), initializer="zeros", name="seen", trainable=False
        )

    def call(self, x: Any) -> Any:
        self.seen.assign_add(1.0)
        return x + self.gain * self.inner(x)


class Nested(keras.Model):
    """Blocks in a list, compiled by their author."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = [Block()]
        self.heads = {"one": layers.Dense(3)}

    @tf.function
    def call(self, x: Any, training: bool = False) -> Any:
        for block in self.blocks:
            x = block(x)
        return self.heads["one"](tf.nn.relu(x)) if training else x


def nested() -> Awkward:
    places = [
        "blocks.0.inner.d affine",
        "blocks.0.inner.d:silu activation",
        "blocks.0.inner.n layer_norm",
    ]
    places += [
        "blocks.0.inner container",
        "blocks.0:multiply multiply",
        "blocks.0:add add",
        "blocks.0 other",
    ]
    return Awkward(
        Nested(),
        real(3, 4),
        LABELS,
        [*places, ":relu activation", "heads.one affine", " container"],
    )


class Rematerialized(keras.Model):
    """What is computed again in the backward pass, in both of the ways that there are."""

    def __init__(self) -> None:
        super().__init__()
        with keras.RematScope(mode="full"):
            self.first = layers.Dense(4, activation="tanh")
        self.inner = keras.Sequential([layers.Dense(4, name="d")])
        self.again = tf.recompute_grad(self.inner)
        self.last = layers.Dense(3)

    def call(self, x: Any) -> Any:
        return self.last(tf.nn.sigmoid(self.again(self.first(x))))


def rematerialized() -> Awkward:
    places = [
        "first affine",
        "first:tanh activation",
        "inner.d affine",
        "inner container",
        ":sigmoid activation",
        "last affine",
    ]
    return Awkward(Rematerialized(), real(3, 4), LABELS, [*places, " container"])


class Frozen(keras.Model):
    """A frozen part in front, with a normalization, and a part that no gradient reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.body = keras.Sequential(
            [layers.Dense(4, name="d"), layers.BatchNormalization(name="n")]
        )
        self.body.trainable = False
        self.cut = layers.Dense(4)
        self.head = layers.Dense(3)

    def call(self, x: Any) -> Any:
        return self.head(self.body(x) * tf.stop_gradient(self.cut(x)))


def frozen() -> Awkward:
    places = [
        "body.d affine",
        "body.n batch_norm",
        "body container",
        "cut affine",
        ":stop_gradient other",
        ":multiply multiply",
    ]
    return Awkward(
        Frozen(), real(3, 5), LABELS, [*places, "head affine", " container"], cut=("cut",)
    )
