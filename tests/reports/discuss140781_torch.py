"""A network with batch norm that is trained by torch.optim.SGD."""

import numpy as np
import torch
from torch import nn


def model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Sequential(nn.Linear(12, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU()),
        nn.Sequential(nn.Linear(8, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU()),
        nn.Linear(8, 4),
    )


def loss(output, y):
    return nn.functional.cross_entropy(output, y)


def optimizer(model):
    return torch.optim.SGD(model.parameters(), lr=0.05)


def batch():
    rng = np.random.default_rng(0)
    return rng.standard_normal((8, 12)), rng.integers(0, 4, 8)
