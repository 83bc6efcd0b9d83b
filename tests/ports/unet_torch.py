"""A small U-Net as it is written in PyTorch: group norm, transposed and resized upsampling,
channels first.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Stage(nn.Module):
    """A convolution, group norm and SiLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.GroupNorm(2, outputs, eps=1e-5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.silu(self.norm(self.conv(x)))


class UNet(nn.Module):
    """Images [batch, 3, 8, 8] to the logits of 3 classes at each pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.down1 = Stage(3, 4)
        self.down2 = Stage(4, 6)
        self.middle = Stage(6, 8)
        self.up2 = nn.ConvTranspose2d(8, 6, 2, stride=2)
        self.merge2 = Stage(12, 6)
        self.merge1 = Stage(10, 4)
        self.out = nn.Conv2d(4, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skip1 = self.down1(x)
        skip2 = self.down2(F.max_pool2d(skip1, 2))
        x = self.middle(F.max_pool2d(skip2, 2))
        x = self.merge2(torch.cat([self.up2(x), skip2], dim=1))
        x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = self.merge1(torch.cat([x, skip1], dim=1))
        return self.out(x)


def model() -> nn.Module:
    torch.manual_seed(0)
    return trained(UNet())


def trained(net: nn.Module) -> nn.Module:
    """Scales and biases as after some training: none is 0 or 1."""
    for name, tensor in net.state_dict().items():
        if tensor.ndim == 1:
            least = 0.5 if name.endswith("weight") else -0.5
            tensor.uniform_(least, least + 1)
    return net


def loss(output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(output, y)


def optimizer(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(net.parameters(), lr=0.05, weight_decay=0.01)


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    return rng.normal(size=(6, 3, 8, 8)), rng.integers(0, 3, (6, 8, 8))
