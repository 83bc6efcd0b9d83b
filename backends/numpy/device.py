"""Devices of the definition: the processor."""

from __future__ import annotations

from common.errors import Unsupported


def available() -> list[str]:
    """The devices that the wing can run on."""
    return ["cpu:0"]


def resolve(device: str) -> str:
    """The device that a name such as `cpu` or `gpu:1` means.

    Raises:
        Unsupported: The wing does not have it.
    """
    name = device if ":" in device else f"{device}:0"
    if name not in available():
        raise Unsupported(f"numpy has no device {device!r}; it has: {', '.join(available())}")
    return name
