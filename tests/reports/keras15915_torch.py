"""Two GRUs."""

import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(5, 6, num_layers=2, batch_first=True)

    def forward(self, x):
        return self.rnn(x)[0]


def model():
    torch.manual_seed(0)
    return Net()


def batch():
    rng = np.random.default_rng(0)
    return rng.standard_normal((4, 7, 5)), rng.standard_normal((4, 7, 6))
