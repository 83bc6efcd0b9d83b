"""The PyTorch wing."""

from __future__ import annotations

import torch

from backends.torch import (
    activation,
    affine,
    clipping,
    initialization,
    loss,
    normalization,
    optimizer,
    recurrent,
    skip,
)
from backends.torch.device import available as devices
from backends.torch.training import program

__all__ = [
    "activation",
    "affine",
    "clipping",
    "devices",
    "initialization",
    "loss",
    "name",
    "normalization",
    "optimizer",
    "program",
    "recurrent",
    "skip",
    "versions",
]

name = "torch"

torch.set_float32_matmul_precision("highest")  # no TF32 and no bfloat16 in a float32 product
torch.backends.cudnn.allow_tf32 = False


def versions() -> dict[str, str]:
    """The packages that can move a number, with their versions."""
    return {"torch": torch.__version__}
