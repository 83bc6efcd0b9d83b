"""A linear autoencoder in JAX, its two matrices drawn by hand from near 0."""

import numpy as np
import optax
from flax import linen as nn


class Autoencoder(nn.Module):
    @nn.compact
    def __call__(self, x):
        small = nn.initializers.normal(0.01)
        x = x @ self.param("encoder", small, (32, 16))
        return x @ self.param("decoder", small, (16, 32))


class Layers(nn.Module):
    @nn.compact
    def __call__(self, x):
        small = nn.initializers.normal(0.01)
        x = nn.Dense(16, use_bias=False, kernel_init=small, name="encoder")(x)
        return nn.Dense(32, use_bias=False, kernel_init=small, name="decoder")(x)


def model():
    return Autoencoder()


def layers():
    return Layers()


def loss(output, y):
    return optax.squared_error(output, y).mean()


def optimizer(model):
    return optax.sgd(0.1)


def batch():
    x = np.random.default_rng(0).standard_normal((8, 32))
    return x, x
