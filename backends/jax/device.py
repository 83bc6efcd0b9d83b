"""Devices of JAX.

Trap: JAX takes a GPU of its own accord when it finds one, and three quarters of its memory unless
`XLA_PYTHON_CLIENT_PREALLOCATE` is false.
"""

from __future__ import annotations

import jax

from backends.jax.arrays import Device
from common.device import named


def simulate(count: int) -> None:
    """Make the processor appear as that many devices; only before JAX has touched a device."""
    jax.config.update("jax_num_cpu_devices", count)


def _devices() -> dict[str, Device]:
    found: dict[str, Device] = {}
    for kind in ("cpu", "gpu", "tpu"):
        try:
            found |= {f"{kind}:{i}": device for i, device in enumerate(jax.devices(kind))}
        except RuntimeError:  # JAX's way of saying that it has none of the kind
            continue
    return found


def available() -> list[str]:
    """The devices that the wing can run on."""
    return list(_devices())


def resolve(device: str) -> Device:
    """The device that a name such as `cpu` or `gpu:1` means.

    Raises:
        Unsupported: The wing does not have it.
    """
    return named(device, _devices(), "jax")
