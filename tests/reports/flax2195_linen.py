"""The layer norm in Flax, its size given as in PyTorch: the first argument of linen's is
epsilon.
"""

from flax import linen as nn


def model():
    return nn.Sequential([nn.Dense(12), nn.LayerNorm(12), nn.Dense(3)])


def mended():
    return nn.Sequential([nn.Dense(12), nn.LayerNorm(1e-5), nn.Dense(3)])
