"""A multi-layer perceptron of Flax with the weights of a plan, which lie beside the data."""

from pathlib import Path

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import optax

KEPT = dict(np.load(Path(__file__).with_name("plan.npz")))


def kept(name):
    return lambda *_: jnp.asarray(KEPT[name])


class Mlp(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        sizes = KEPT["sizes"].tolist()
        for i, n in enumerate(sizes[1:]):
            x = nn.Dense(
                n, kernel_init=kept(f"weight{i}"), bias_init=kept(f"bias{i}"), name=f"dense{i}"
            )(x)
            if i < len(sizes) - 2:
                x = nn.BatchNorm(use_running_average=not train)(x) if KEPT["batch"] else x
                x = jnp.tanh(x) if KEPT["tanh"] else nn.relu(x)
        return x


def model():
    return Mlp()


def optimizer(model):
    return optax.sgd(0.1)


def batch():
    return KEPT["x"], KEPT["y"]
