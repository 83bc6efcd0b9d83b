"""The linear autoencoder with Flax's own layer."""

import optax
from flax import linen as nn


class Autoencoder(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Dense(16, use_bias=False, name="encoder")(x)
        return nn.Dense(32, use_bias=False, name="decoder")(x)


def model():
    return Autoencoder()


def loss(output, y):
    return optax.squared_error(output, y).mean()


def optimizer(model):
    return optax.sgd(0.1)
