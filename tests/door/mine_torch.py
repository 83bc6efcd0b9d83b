"""The model of a project that has packages of the same names as isograd."""

import torch
from torch import nn

from common import WIDTH


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 3))


def optimizer(model):
    return torch.optim.SGD(model.parameters(), lr=0.1)


def batch():
    torch.manual_seed(1)
    return torch.randn(16, 4), torch.randint(0, 3, (16,))
