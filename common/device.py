"""Devices by name, the same in every wing: `cpu`, `gpu:1`, `tpu:0`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from common.errors import Unsupported

T = TypeVar("T")


def named(device: str, devices: Mapping[str, T], backend: str) -> T:
    """The device of that name; without a number it is the first of its kind.

    Raises:
        Unsupported: The backend does not have it; the message says what it has.
    """
    name = device if ":" in device else f"{device}:0"
    if name not in devices:
        raise Unsupported(f"{backend} has no device {device!r}; it has: {', '.join(devices)}")
    return devices[name]
