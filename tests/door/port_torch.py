"""The same model, written otherwise."""

import torch
from torch import nn

from common import WIDTH


class Port(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(4, WIDTH)
        self.output = nn.Linear(WIDTH, 3)

    def forward(self, x):
        return self.output(torch.tanh(self.hidden(x)))


class Wrong(Port):
    def forward(self, x):
        return self.output(torch.relu(self.hidden(x)))


def model():
    return Port()


def wrong():
    return Wrong()


def raises():
    raise RuntimeError("no CUDA")


def optimizer(model):
    return torch.optim.SGD(model.parameters(), lr=0.1)
