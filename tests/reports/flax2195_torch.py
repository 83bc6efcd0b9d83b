"""A layer norm over 12 numbers."""

import numpy as np
import torch
from torch import nn


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 12), nn.LayerNorm(12), nn.Linear(12, 3))


def batch():
    rng = np.random.default_rng(0)
    return 3 * rng.standard_normal((8, 6)), rng.integers(0, 3, 8)
