"""Devices of PyTorch.

Trap: PyTorch cannot simulate several processors; `cpu:1` exists as a name, and is the same
processor.
"""

from __future__ import annotations

import torch

from common.device import named


def available() -> list[str]:
    """The devices that the wing can run on."""
    return ["cpu:0", *(f"gpu:{i}" for i in range(torch.cuda.device_count()))]


def resolve(device: str) -> torch.device:
    """The device that a name such as `cpu` or `gpu:1` means.

    Raises:
        Unsupported: The wing does not have it.
    """
    return named(
        device, {name: torch.device(name.replace("gpu", "cuda")) for name in available()}, "torch"
    )
