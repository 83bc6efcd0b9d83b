"""A gated MLP in Flax: its GELU is the one by tanh."""

import jax
import numpy as np
from flax import nnx


class Gated(nnx.Module):
    def __init__(self, rngs):
        self.gate = nnx.Linear(6, 10, use_bias=False, rngs=rngs)
        self.up = nnx.Linear(6, 10, use_bias=False, rngs=rngs)
        self.down = nnx.Linear(10, 6, use_bias=False, rngs=rngs)

    def __call__(self, x):
        return self.down(jax.nn.gelu(self.gate(x)) * self.up(x))


def model():
    return Gated(nnx.Rngs(0))


def batch():
    rng = np.random.default_rng(0)
    return rng.standard_normal((8, 6)), rng.standard_normal((8, 6))
