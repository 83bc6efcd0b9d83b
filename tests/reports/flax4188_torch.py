"""A depthwise convolution over time that sees no future: padded on both sides, and the end cut
off.
"""

import numpy as np
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1d = nn.Conv1d(6, 6, kernel_size=4, groups=6, padding=3)

    def forward(self, x):
        length = x.shape[1]
        x = self.conv1d(x.transpose(1, 2))[..., :length]
        return x.transpose(1, 2)


def model():
    torch.manual_seed(0)
    return Block()


def loss(output, y):
    return ((output - y) ** 2).mean()


def optimizer(model):
    return torch.optim.SGD(model.parameters(), lr=0.1)


def batch():
    rng = np.random.default_rng(0)
    return rng.standard_normal((4, 9, 6)), rng.standard_normal((4, 9, 6))
