"""The port, in which each parameter is clipped by itself."""

import torch
from torch import nn


def model():
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def optimizer(model):
    return torch.optim.SGD(model.parameters(), lr=0.1)


def clip(model):
    for parameter in model.parameters():
        nn.utils.clip_grad_norm_(parameter, 0.1)
