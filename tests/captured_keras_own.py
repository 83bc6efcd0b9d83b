"""Keras models with a class of their own that are awkward to look into, each with its batch and its
places.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
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


class Several(keras.Model):
    """Two inputs, two outputs, and a layer that gives back what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.left = layers.Dense(3)
        self.right = layers.Dense(3)
        self.drop = layers.Dropout(0.5)

    def call(self, a: Any, b: Any) -> Any:
        left = self.left(a)
        right = self.right(b)
        return {"sum": self.drop(left) + right, "both": ops.concatenate([left, right], axis=-1)}


def several() -> Awkward:
    def loss(output: Any, y: Any) -> Any:
        return tf.reduce_mean(tf.square(output["sum"] - y)) + tf.reduce_mean(tf.sin(output["both"]))

    places = [
        "left affine",
        "right affine",
        "drop dropout",
        ":add add",
        ":concatenate concatenate",
        " container",
        " container",
    ]
    return Awkward(Several(), (real(3, 4), real(3, 2)), real(3, 3, seed=1), places, loss=loss)


class Transformer(keras.Model):
    """Attention with a causal mask, and what is around it."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, 3, dropout=0.1)
        self.norm = layers.RMSNormalization()
        self.wide = layers.EinsumDense(
            "abc,cde->abde", (None, 2, 3), bias_axes="de", activation="relu"
        )
        self.each = layers.TimeDistributed(layers.Dense(3))

    def call(self, x: Any) -> Any:
        h = x + self.attention(x, x, use_causal_mask=True)
        h = ops.reshape(self.wide(self.norm(h)), (3, 4, 6))
        return ops.mean(self.each(h), axis=1)


def transformer() -> Awkward:
    places = [
        "attention:attention attention",
        "attention attention",
        ":add add",
        "norm rms_norm",
        "wide affine",
    ]
    places += [
        "wide:relu activation",
        ":reshape reshape",
        "each affine",
        ":mean mean",
        " container",
    ]
    return Awkward(Transformer(), real(3, 4, 4), LABELS, places)


class Heads(keras.Model):
    """The function of an attention without its layer, on inputs that are given by name."""

    def __init__(self) -> None:
        super().__init__()
        self.d = layers.Dense(12)

    def call(self, x: Any) -> Any:
        query, key, value = tf.unstack(tf.reshape(self.d(x), (3, 4, 3, 2, 2)), axis=2)
        h: Any = ops.dot_product_attention(
            value=value, key=key, query=query, scale=0.5, is_causal=True
        )
        return tf.reduce_mean(tf.reshape(h, (3, 4, 4)), axis=1)


def heads() -> Awkward:
    places = [
        "d affine",
        ":reshape reshape",
        *[":unstack other"] * 3,
        ":dot_product_attention attention",
    ]
    return Awkward(
        Heads(),
        real(3, 4, 5),
        LABELS,
        [*places, ":reshape reshape", ":reduce_mean mean", " container"],
    )


class Rowwise(keras.Model):
    """A function that calls a layer, a layer that is made in the call, and one that Keras does not
    see.
    """

    def __init__(self) -> None:
        super().__init__()
        self.d = layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.125))
        self.unseen = SimpleNamespace(prelu=layers.PReLU("he_normal"))

    def call(self, x: Any) -> Any:
        h = tf.map_fn(lambda row: self.d(row[None])[0], x)
        return self.unseen.prelu(layers.ReLU(negative_slope=0.3)(h))


def rowwise() -> Awkward:
    return Awkward(
        Rowwise(),
        real(3, 4),
        LABELS,
        [":map_fn other", "relu activation", "prelu activation", " container"],
    )


class Sealed(keras.Model):
    """A model that calls a part which was compiled before."""

    def __init__(self) -> None:
        super().__init__()
        self.d = layers.Dense(3)
        self.d.build((3, 4))
        traced = tf.function(lambda x: self.d(x), autograph=False)
        self.sealed = traced.get_concrete_function(tf.zeros((3, 4), tf.float64))

    def call(self, x: Any) -> Any:
        return self.sealed(x)


class Branching(keras.Model):
    """A model whose path depends on a number in the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.d = layers.Dense(3)

    def call(self, x: Any) -> Any:
        h = self.d(x)
        return h if float(tf.reduce_sum(x)) > 0 else -h
