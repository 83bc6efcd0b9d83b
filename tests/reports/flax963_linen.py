"""The dense layer in Flax; the report takes over the weights by hand."""

from flax import linen as nn


def model():
    return nn.Dense(10)
