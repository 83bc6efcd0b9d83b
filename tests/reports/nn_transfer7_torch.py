"""Convolution, ReLU, batch norm, pooling: the beginning of a LeNet."""

import numpy as np
import torch
from torch import nn


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3)
        self.bnm1 = nn.BatchNorm2d(4)
        self.fc1 = nn.Linear(36, 8)
        self.bnm3 = nn.BatchNorm1d(8)
        self.fc3 = nn.Linear(8, 5)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.bnm1(torch.relu(self.conv1(x))), 2)
        x = self.bnm3(torch.relu(self.fc1(x.flatten(1))))
        return self.fc3(x)


def model():
    torch.manual_seed(0)
    return LeNet()


def optimizer(model):
    return torch.optim.SGD(model.parameters(), lr=0.1)


def batch():
    rng = np.random.default_rng(0)
    return rng.standard_normal((6, 1, 8, 8)), rng.integers(0, 5, 6)
