"""Keras models that are awkward to look into, each with a batch and the places that a reader of it expects."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from keras.ops import tanh

Places = list[str]


class Awkward(NamedTuple):
    """A model that is awkward to look into.

    Attributes:
        model: The model.
        x: What goes in.
        y: What the loss is given.
        places: Path and kind of each place, in the order of return.
        cut: Paths that the gradient does not reach, although the loss depends on them.
        training: The mode.
        loss: Of output and y; None is the default.
    """

    model: Any
    x: Any
    y: Any
    places: Places
    training: bool = True
    loss: Any = None
    cut: tuple[str, ...] = ()


def real(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


LABELS = np.array([0, 2, 1])


def perceptron() -> Awkward:
    inner = [layers.Dense(4, activation="tanh", name="a"), layers.Dense(4, activation=layers.LeakyReLU(0.1), name="b")]
    model = keras.Sequential([keras.Input((5,)), *inner, layers.ELU(name="elu"), layers.Dense(3, name="c")])
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
    names = ["stem convolution", "norm batch_norm", ":gelu activation", "side convolution", ":add add"]
    names += ["depthwise convolution", "up convolution", "pool pooling", "flat flatten", "head affine", " container"]
    return Awkward(model, real(3, 6, 5, 2), LABELS, names, training)


def evaluated() -> Awkward:
    return convolutions(training=False)


def grouped() -> Awkward:
    convolution = layers.Conv2D(4, (3, 2), strides=2, groups=2, padding="same", activation="sigmoid", name="grouped")
    model = keras.Sequential([keras.Input((6, 5, 4)), convolution, layers.GlobalAveragePooling2D(name="mean")])
    names = ["grouped convolution", "grouped:sigmoid activation", "mean global_pooling", " container"]
    return Awkward(model, real(3, 6, 5, 4), LABELS, names)


class Twice(keras.Model):
    """A layer that is called twice, another under two names, and a matrix that is used transposed."""

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
    places = ["words embedding", "dense affine", ":tanh activation", "dense affine", ":softplus activation", ":add add"]
    places += [":transpose transpose", ":matmul matmul", ":reduce_mean mean", " container"]
    return Awkward(Twice(), np.array([[1, 2], [3, 6], [0, 2]]), LABELS, places)


class Block(layers.Layer):
    """A residual block with parameters and a statistic of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = keras.Sequential([layers.Dense(4, activation="silu", name="d"), layers.LayerNormalization(name="n")])

    def build(self, shape: Any) -> None:
        self.gain: Any = self.add_weight(shape=(4,), initializer="ones", name="gain")
        self.seen: Any = self.add_weight(shape=(), initializer="zeros", name="seen", trainable=False)

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
    places = ["blocks.0.inner.d affine", "blocks.0.inner.d:silu activation", "blocks.0.inner.n layer_norm"]
    places += ["blocks.0.inner container", "blocks.0:multiply multiply", "blocks.0:add add", "blocks.0 other"]
    return Awkward(Nested(), real(3, 4), LABELS, [*places, ":relu activation", "heads.one affine", " container"])


def recurrent() -> Awkward:
    x = keras.Input((3, 3))
    h = layers.LSTM(3, return_sequences=True, name="lstm")(x)
    h = layers.Bidirectional(layers.GRU(2, return_sequences=True), name="both")(h)
    h = layers.SimpleRNN(3, return_sequences=True, go_backwards=True, name="rnn")(h)
    h = layers.GRU(3, reset_after=False, name="gru")(h)
    model = keras.Model(x, h)
    kinds = ["lstm", "both[0]", "both[0,back]", "both", "rnn", "gru"]
    return Awkward(model, real(3, 3, 3), real(3, 3, seed=1), [*(f"{path} recurrent" for path in kinds), " container"])


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
        self.body = keras.Sequential([layers.Dense(4, name="d"), layers.BatchNormalization(name="n")])
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
    return Awkward(Frozen(), real(3, 5), LABELS, [*places, "head affine", " container"], cut=("cut",))


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

    places = ["left affine", "right affine", "drop dropout", ":add add", ":concatenate concatenate", " container", " container"]
    return Awkward(Several(), (real(3, 4), real(3, 2)), real(3, 3, seed=1), places, loss=loss)


class Transformer(keras.Model):
    """Attention with a causal mask, and what is around it."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, 3, dropout=0.1)
        self.norm = layers.RMSNormalization()
        self.wide = layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de", activation="relu")
        self.each = layers.TimeDistributed(layers.Dense(3))

    def call(self, x: Any) -> Any:
        h = x + self.attention(x, x, use_causal_mask=True)
        h = ops.reshape(self.wide(self.norm(h)), (3, 4, 6))
        return ops.mean(self.each(h), axis=1)


def transformer() -> Awkward:
    places = ["attention:attention attention", "attention attention", ":add add", "norm rms_norm", "wide affine"]
    places += ["wide:relu activation", ":reshape reshape", "each affine", ":mean mean", " container"]
    return Awkward(Transformer(), real(3, 4, 4), LABELS, places)


class Heads(keras.Model):
    """The function of an attention without its layer, on inputs that are given by name."""

    def __init__(self) -> None:
        super().__init__()
        self.d = layers.Dense(12)

    def call(self, x: Any) -> Any:
        query, key, value = tf.unstack(tf.reshape(self.d(x), (3, 4, 3, 2, 2)), axis=2)
        h: Any = ops.dot_product_attention(value=value, key=key, query=query, scale=0.5, is_causal=True)
        return tf.reduce_mean(tf.reshape(h, (3, 4, 4)), axis=1)


def heads() -> Awkward:
    places = ["d affine", ":reshape reshape", *[":unstack other"] * 3, ":dot_product_attention attention"]
    return Awkward(Heads(), real(3, 4, 5), LABELS, [*places, ":reshape reshape", ":reduce_mean mean", " container"])


def probabilities() -> Awkward:
    model = keras.Sequential(
        [keras.Input((4,)), layers.GaussianNoise(0.5, name="noise"), layers.Dense(3, name="d", activation="softmax")]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.SGD(0.1, momentum=0.9))
    return Awkward(model, real(3, 4), LABELS, ["noise dropout", "d affine", "d:softmax activation", " container"])


class Rowwise(keras.Model):
    """A function that calls a layer, a layer that is made in the call, and one that Keras does not see."""

    def __init__(self) -> None:
        super().__init__()
        self.d = layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.125))
        self.unseen = SimpleNamespace(prelu=layers.PReLU("he_normal"))

    def call(self, x: Any) -> Any:
        h = tf.map_fn(lambda row: self.d(row[None])[0], x)
        return self.unseen.prelu(layers.ReLU(negative_slope=0.3)(h))


def rowwise() -> Awkward:
    return Awkward(Rowwise(), real(3, 4), LABELS, [":map_fn other", "relu activation", "prelu activation", " container"])


def normalized() -> Awkward:
    x = keras.Input((4, 4))
    h = layers.Conv1D(4, 3, padding="causal", dilation_rate=2, name="causal")(x)
    h = layers.GroupNormalization(2, name="group")(h)
    h = layers.PReLU("he_normal", shared_axes=[1], name="prelu")(h)
    h = layers.Permute((2, 1), name="turned")(h)
    h = layers.MaxPooling1D(3, strides=2, padding="same", name="pool")(h)
    h = layers.SpectralNormalization(layers.Dense(3, name="d"), name="spectral")(h)
    model = keras.Model(x, ops.mean(h, axis=1))
    places = ["causal convolution", "group group_norm", "prelu activation", "turned transpose", "pool pooling"]
    return Awkward(
        model, real(3, 4, 4), LABELS, [*places, "spectral.layer affine", "spectral other", ":mean mean", " container"]
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
