"""One dense layer of 2048 numbers."""

import numpy as np
import torch
from torch import nn


def model():
    torch.manual_seed(0)
    return nn.Linear(2048, 10)


def batch():
    return np.ones((4, 2048), "float32"), np.arange(4)
