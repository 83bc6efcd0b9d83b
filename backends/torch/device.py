"""Devices of PyTorch.

Trap: PyTorch cannot simulate several processors; `cpu:1` exists as a name, and is the same processor.
"""

from __future__ import annotations

import torch

from common.errors import Unsupported


def available() -> list[str]:
    """The devices that the wing can run on."""
    return ["cpu:0", *(f"gpu:{i}" for i in range(torch.cuda.device_count()))]


def resolve(device: str) -> torch.device:
    """The device that a name such as `cpu` or `gpu:1` means.

    Raises:
        Unsupported: The wing does not have it.
    """
    name = device if ":" in device else f"{device}:0"
    if name not in available():
        raise Unsupported(f"torch has no device {device!r}; it has: {', '.join(available())}")
    return torch.device(name.replace("gpu", "cuda"))
