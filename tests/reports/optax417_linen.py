"""The same with optax.adamw, whose decay is apart from the gradient."""

import optax
from flax import linen as nn


def model():
    return nn.Sequential([nn.Dense(8), nn.tanh, nn.Dense(3)])


def loss(output, y):
    return optax.softmax_cross_entropy_with_integer_labels(output, y).mean()


def optimizer(model):
    return optax.adamw(0.01, weight_decay=0.01)
