"""PyTorch models that are hard to see into, each small; what a reader expects to be seen is beside
them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.awkward_torch_modes import Attention, Causal, Checkpointed, Kept, Tied, Views


class Case(NamedTuple):
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    paths: str
    """In the order of return, `path` or `path#call`; the model itself is `.`."""


class InPlace(nn.Module):
    """A module and a convolution used twice, an operation in place on an output, an input that is
    used beside it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.shared = nn.Conv2d(4, 4, 3, padding="same", groups=2)
        self.act = nn.Softplus()
        self.same = nn.Identity()
        self.cut = nn.LeakyReLU(0.2, inplace=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.act(self.conv(x))
        h = self.act(self.shared(h)) + self.same(h)
        h = self.shared(h)
        h += 1.0
        h = self.cut(h)
        return self.head(F.adaptive_avg_pool2d(h, 1).flatten(1))


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.silu(self.bn(self.conv(x)) + x)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))
        self.blocks = nn.Sequential(Block(3), Block(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.stem(x)).mean((2, 3))


class Several(nn.Module):
    """Two inputs, two outputs of a part of which one is used twice, a frozen layer first, a part
    with its own parameter.
    """

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Linear(4, 5).requires_grad_(False)
        self.pair = Pair()
        self.head = nn.Linear(5, 3)

    def forward(self, x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        left, right = self.pair(self.frozen(x))
        return self.head(torch.cat([left * right, left], 1)[:, :5] * scale)


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(5, 5)
        self.shift = nn.Parameter(torch.linspace(-1, 1, 5))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.a(x)
        return h, torch.sigmoid(h + self.shift)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(8, 3, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gru(self.lstm(x)[0])[0][:, -1]


def compiled() -> nn.Module:
    inner = torch.compile(nn.Sequential(nn.Linear(4, 5), nn.Tanh()), backend="eager")
    whole = nn.Sequential(inner, nn.Linear(5, 3))  # type: ignore[arg-type]
    return torch.compile(whole, backend="eager")  # type: ignore[return-value]


def transformer() -> nn.Module:
    return nn.TransformerEncoderLayer(4, 2, 6, dropout=0.3, activation="gelu", batch_first=True)


RECOMPUTED = "first :tanh part :tanh#1 :square :add part#1 :tanh#2 :square#1 :add#1 ."
CASES: dict[str, Case] = {
    "in place": Case(
        InPlace,
        (3, 2, 5, 5),
        "conv act shared act#1 same :add shared#1 :add_ cut :adaptive_avg_pool2d :flatten head .",
    ),
    "residual": Case(
        Residual,
        (4, 2, 4, 4),
        "stem.0 stem.1 stem blocks.0.conv blocks.0.bn blocks.0:add blocks.0:silu blocks.0 "
        "blocks.1.conv blocks.1.bn blocks.1:add blocks.1:silu blocks.1 blocks :mean .",
    ),
    "recurrent": Case(
        Recurrent, (2, 3, 3), "lstm[0] lstm[0,back] lstm[1] lstm[1,back] lstm gru :getitem ."
    ),
    "checkpoint": Case(lambda: Checkpointed(False), (3, 4), RECOMPUTED),
    "reentrant": Case(lambda: Checkpointed(True), (3, 4), RECOMPUTED),
    "fused attention": Case(
        lambda: Attention(False),
        (2, 3, 6),
        (
            "attention:linear attention:scaled_dot_product_attention attention:linear#1 attention "
            ":mean ."
        ),
    ),
    "attention": Case(
        lambda: Attention(True),
        (2, 3, 6),
        (
            "attention:linear attention:bmm attention:softmax attention:bmm#1 attention:linear#1 "
            "attention :mean ."
        ),
    ),
    "causal": Case(
        Causal,
        (2, 3, 4),
        "qkv :view :permute :unbind :scaled_dot_product_attention :transpose :flatten .",
    ),
    "tied": Case(Tied, (4, 2), ":getitem :mul embed norm head ."),
    "views": Case(Views, (3, 3), "cell :clone :getitem :sigmoid_ :square :sum :mul ."),
    "kept": Case(Kept, (3, 4), "part.layer part :tanh :mul ."),
    "compiled": Case(compiled, (3, 4), "0.0 0.1 0 1 ."),
    "transformer": Case(
        transformer,
        (2, 3, 4),
        "self_attn:linear self_attn:scaled_dot_product_attention self_attn:linear#1 self_attn "
        "dropout1 :add norm1 linear1 :gelu dropout linear2 dropout2 :add#1 norm2 .",
    ),
    "transposed": Case(
        lambda: nn.Sequential(
            nn.ConvTranspose1d(2, 3, 3, stride=2, padding=1, output_padding=1),
            nn.GroupNorm(3, 3),
            nn.ELU(),
        ),
        (2, 2, 4),
        "0 1 2 .",
    ),
    "pooled": Case(
        lambda: nn.Sequential(
            nn.Conv1d(2, 3, 2), nn.PReLU(3), nn.AvgPool1d(2), nn.Flatten(), nn.Linear(9, 2)
        ),
        (2, 2, 7),
        "0 1 2 3 4 .",
    ),
}


def data(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)
