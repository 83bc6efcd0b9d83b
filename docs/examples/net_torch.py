"""A small convolutional network in PyTorch: the reference of net_keras.py and net_flax.py."""

import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.act = nn.LeakyReLU(0.125)
        self.fc1 = nn.Linear(8 * 4 * 4, 16)
        self.fc2 = nn.Linear(16, 10)

    def forward(self, x):
        x = self.act(self.bn1(self.conv1(x)))
        x = torch.relu(self.conv2(x) + x)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


def model():
    torch.manual_seed(0)
    return Net()


def loss(output, y):
    return nn.functional.cross_entropy(output, y)


def optimizer(model):
    return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def batch():
    rng = np.random.default_rng(0)
    return rng.standard_normal((8, 1, 8, 8)), rng.integers(0, 10, 8)
