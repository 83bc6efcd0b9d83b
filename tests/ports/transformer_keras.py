"""The same transformer as it is written in Keras: subclassed layers, attention written out."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


def gelu(x: tf.Tensor) -> tf.Tensor:
    """Exact in float64, which `keras.activations.gelu` on TensorFlow is not."""
    return 0.5 * x * (1.0 + ops.erf(x / np.sqrt(2.0)))


class Attention(layers.Layer):
    """Causal self-attention of 3 heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.size = width // heads
        self.query = layers.Dense(width)
        self.key = layers.Dense(width)
        self.value = layers.Dense(width)
        self.out = layers.Dense(width)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        time = x.shape[1]
        q = self.split(self.query(x), time)
        k = self.split(self.key(x), time)
        v = self.split(self.value(x), time)
        scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / np.sqrt(self.size)
        scores = ops.where(np.tril(np.ones((time, time), bool)), scores, -np.inf)
        weights = ops.softmax(scores, axis=-1)
        y = ops.transpose(ops.matmul(weights, v), (0, 2, 1, 3))
        return self.out(ops.reshape(y, (-1, time, self.heads * self.size)))

    def split(self, x: tf.Tensor, time: int) -> tf.Tensor:
        return ops.transpose(ops.reshape(x, (-1, time, self.heads, self.size)), (0, 2, 1, 3))


class Block(layers.Layer):
    """Attention and an MLP, each after a norm and beside a shortcut."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = layers.LayerNormalization(epsilon=1e-5)
        self.attention = Attention(width, heads)
        self.ln_2 = layers.LayerNormalization(epsilon=1e-5)
        self.up = layers.Dense(2 * width, activation=gelu)
        self.down = layers.Dense(width)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        x = x + self.attention(self.ln_1(x))
        h = self.down(self.up(self.ln_2(x)))
        return x + h


class Transformer(keras.Model):
    """Tokens [batch, 7] to 5 logits."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.tokens = layers.Embedding(20, width, embeddings_initializer="random_normal")
        self.positions = layers.Embedding(7, width, embeddings_initializer="random_normal")
        self.block_1 = Block(width, heads=3)
        self.block_2 = Block(width, heads=3)
        self.ln_f = layers.LayerNormalization(epsilon=1e-5)
        self.head = layers.Dense(5)

    def call(self, tokens: tf.Tensor) -> tf.Tensor:
        x = self.tokens(tokens) + self.positions(np.arange(7))
        x = self.block_1(x)
        x = self.block_2(x)
        x = self.ln_f(x)
        return self.head(ops.mean(x, axis=1))


def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    net = Transformer()
    net(np.zeros((1, 7), int))
    return trained(net)


def trained(net: keras.Model) -> keras.Model:
    """Scales and biases as after some training: none is 0 or 1."""
    rng = np.random.default_rng(0)
    for weight in net.weights:
        if len(weight.shape) == 1:
            least = 0.5 if weight.name == "gamma" else -0.5
            weight.assign(rng.uniform(least, least + 1, weight.shape))
    return net


loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def optimizer(net: keras.Model) -> keras.optimizers.Optimizer:
    # plain ones are rounded to float32
    rate, beta_1, beta_2 = (np.float64(number) for number in (1e-2, 0.9, 0.999))
    return keras.optimizers.Adam(rate, beta_1=beta_1, beta_2=beta_2, epsilon=1e-16)


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    return rng.integers(0, 20, (6, 7)), rng.integers(0, 5, 6)
