"""Awkward models of PyTorch: parts that are computed again, tied, viewed or kept."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


class Checkpointed(nn.Module):
    """The same part twice, so that which call is computed again has to be known."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.part = nn.Linear(4, 4)
        self.reentrant = reentrant

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(self.first(x))
        for _ in range(2):
            h = checkpoint(
                lambda z: torch.tanh(self.part(z)).square() + z, h, use_reentrant=self.reentrant
            )
        return h


class Attention(nn.Module):
    def __init__(self, weights: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.weights = weights

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attention(x, x, x, need_weights=self.weights)[0].mean(1)


class Causal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.utils.parametrizations.weight_norm(nn.Linear(4, 12))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).view(*x.shape[:2], 3, 2, 2).permute(2, 0, 3, 1, 4)
        return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.head = nn.Linear(4, 7)
        self.head.weight = self.embed.weight
        self.norm = nn.LayerNorm(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.embed((x[:, 0] * 3).long().clamp(0, 6))))


class Views(nn.Module):
    """An operation in place on a part of a tensor that is used as a whole; a gradient that the
    model itself takes; a cell.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.cell(x)[0].clone()
        h[:, :2].sigmoid_()
        return h * torch.autograd.grad(h.square().sum(), h, create_graph=True)[0]


class Keeping(nn.Module):
    """Returns what its layer has returned, and keeps it for another use."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.kept = self.layer(x)
        return self.kept


class Kept(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.part = Keeping()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.part(x)) * self.part.kept
