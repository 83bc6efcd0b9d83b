"""A plain CNN as it is written in PyTorch: layers in `nn.Sequential`, channels first."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


class CNN(nn.Module):
    """Images [batch, 3, 8, 8] to 5 logits."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1, bias=False),
            nn.BatchNorm2d(6, eps=1e-5, momentum=0.1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 8, 3, padding=1),
            nn.BatchNorm2d(8, eps=1e-5, momentum=0.1),
            nn.LeakyReLU(0.25),
            nn.AvgPool2d(3, stride=2, padding=1),
            nn.Conv2d(8, 8, 3, padding=1, groups=8),
            nn.ELU(),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(32, 12),
            nn.Tanh(),
            nn.Dropout(0.2),
            nn.Linear(12, 5),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x))


def model() -> nn.Module:
    torch.manual_seed(0)
    return trained(CNN())


def trained(net: nn.Module) -> nn.Module:
    """Scales, biases and statistics as after some training: none is 0 or 1."""
    for name, tensor in net.state_dict().items():
        if tensor.ndim == 1:
            least = 0.5 if name.endswith(("weight", "running_var")) else -0.5
            tensor.uniform_(least, least + 1)
    return net


def loss(output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(output, y)


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 3, 8, 8)), rng.integers(0, 5, 6)
