"""Models of Keras with attention that is written out, and with layers that hide."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import tensorflow as tf
from keras import layers, ops

from tests.captured_keras_case import LABELS, Awkward, real


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
