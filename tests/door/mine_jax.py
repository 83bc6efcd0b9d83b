"""The same model in Flax."""

import flax.linen as nn
import numpy as np
import optax

from common import WIDTH


class Mlp(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(nn.tanh(nn.Dense(WIDTH)(x)))


def model():
    return Mlp()


def optimizer(model):
    return optax.sgd(0.1)


def batch():
    rng = np.random.default_rng(1)
    return rng.normal(size=(16, 4)).astype("float32"), rng.integers(0, 3, 16)
