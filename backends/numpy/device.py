"""Devices of the definition: the processor."""

from __future__ import annotations

from common.device import named


def available() -> list[str]:
    """The devices that the wing can run on."""
    return ["cpu:0"]


def resolve(device: str) -> str:
    """The device that a name such as `cpu` or `gpu:1` means.

    Raises:
        Unsupported: The wing does not have it.
    """
    return named(device, dict.fromkeys(available(), "cpu:0"), "numpy")
