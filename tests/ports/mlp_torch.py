"""A residual MLP for a regression as it is written in PyTorch."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """Two layers after a norm, beside a shortcut."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.fc1 = nn.Linear(width, inner)
        self.act = nn.ELU(alpha=0.75)
        self.dropout = nn.Dropout(0.1)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.act(self.fc1(self.norm(x)))
        return x + self.fc2(self.dropout(h))


class MLP(nn.Module):
    """Numbers [batch, 10] to 3 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.inp = nn.Linear(10, 8)
        self.blocks = nn.Sequential(Block(8, 12), Block(8, 14), Block(8, 12))
        self.norm = nn.LayerNorm(8, eps=1e-5)
        self.out = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.leaky_relu(self.inp(x), 0.125)
        x = self.blocks(x)
        return self.out(self.norm(x))


def model() -> nn.Module:
    torch.manual_seed(0)
    return trained(MLP())


def trained(net: nn.Module) -> nn.Module:
    """Scales and biases as after some training: none is 0 or 1."""
    for name, tensor in net.state_dict().items():
        if tensor.ndim == 1:
            least = 0.5 if name.endswith("weight") else -0.5
            tensor.uniform_(least, least + 1)
    return net


def loss(output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.mse_loss(output, y)


def optimizer(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)


def clip(net: nn.Module) -> None:
    nn.utils.clip_grad_norm_(net.parameters(), 0.5)


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return 3 * rng.normal(size=(6, 10)) + 1, rng.normal(size=(6, 3))
