"""Adam with a weight decay, which PyTorch adds to the gradient."""

import numpy as np
import torch
from torch import nn


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def optimizer(model):
    return torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=0.01)


def batch():
    rng = np.random.default_rng(0)
    return rng.standard_normal((8, 6)), rng.integers(0, 3, 8)
