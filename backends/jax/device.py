"""Devices of JAX.

Trap: JAX takes a GPU of its own accord when it finds one, and three quarters of its memory unless
`XLA_PYTHON_CLIENT_PREALLOCATE` is false.
"""

from __future__ import annotations

import os

import jax

from backends.jax.arrays import Device
from common.device import named
from common.errors import Unsupported


def simulate(count: int) -> None:
    """Make the processor appear as that many devices; only before JAX has touched a device."""
    jax.config.update("jax_num_cpu_devices", count)


def _devices() -> dict[str, Device]:
    found: dict[str, Device] = {}
    for kind in ("cpu", "gpu", "tpu"):
        try:
            found |= {f"{kind}:{i}": device for i, device in enumerate(jax.devices(kind))}
        # JAX's ways of saying that it has none of the kind, or none at all
        except (RuntimeError, AssertionError):
            continue
    if not found:
        allowed = os.environ.get("JAX_PLATFORMS", "")
        raise Unsupported(
            f"JAX must find a device; received none, with JAX_PLATFORMS={allowed} in the "
            "environment; unset that"
        )
    return found


def available() -> list[str]:
    """The devices that the wing can run on.

    Raises:
        Unsupported: JAX was told to use what there is not.
    """
    return list(_devices())


def resolve(device: str) -> Device:
    """The device that a name such as `cpu` or `gpu:1` means.

    Raises:
        Unsupported: The wing does not have it.
    """
    return named(device, _devices(), "jax")
