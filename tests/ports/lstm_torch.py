"""Two LSTM layers over tokens as they are written in PyTorch, and the same with a GRU."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


class Recurrent(nn.Module):
    """Tokens [batch, 6] to 4 logits, from the last step."""

    def __init__(self, cell: type[nn.LSTM] | type[nn.GRU]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(15, 6)
        self.rnn = cell(6, 8, num_layers=2, batch_first=True)
        self.fc = nn.Linear(8, 4)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        steps, _ = self.rnn(self.embedding(tokens))
        return self.fc(steps[:, -1])


def model() -> nn.Module:
    torch.manual_seed(0)
    net = Recurrent(nn.LSTM)
    for name, parameter in net.rnn.named_parameters():
        # else the bias would move twice as fast as in other frameworks
        if name.startswith("bias_hh"):
            nn.init.zeros_(parameter).requires_grad_(False)
    return net


def gru() -> nn.Module:
    torch.manual_seed(0)
    return Recurrent(nn.GRU)


def loss(output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(output, y)


def optimizer(net: nn.Module) -> torch.optim.Optimizer:
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    return torch.optim.SGD(trained, lr=0.1, momentum=0.9)


def clip(net: nn.Module) -> None:
    nn.utils.clip_grad_value_(net.parameters(), 0.02)


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.integers(0, 15, (6, 6)), rng.integers(0, 4, 6)
