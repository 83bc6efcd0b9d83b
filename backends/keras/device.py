"""Devices of TensorFlow.

Trap: TensorFlow takes a GPU of its own accord when it finds one, and nearly all its memory unless
`TF_FORCE_GPU_ALLOW_GROWTH` is true.
"""

from __future__ import annotations

import tensorflow as tf

from common.device import named


def simulate(count: int) -> None:
    """Make the processor appear as that many devices; only before TensorFlow has touched one."""
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        processor, [tf.config.LogicalDeviceConfiguration()] * count
    )


def _devices() -> dict[str, str]:
    kinds = {kind: tf.config.list_logical_devices(kind.upper()) for kind in ("cpu", "gpu", "tpu")}
    return {
        f"{kind}:{i}": device.name
        for kind, devices in kinds.items()
        for i, device in enumerate(devices)
    }


def available() -> list[str]:
    """The devices that the wing can run on."""
    return list(_devices())


def resolve(device: str) -> str:
    """The device that a name such as `cpu` or `gpu:1` means.

    Raises:
        Unsupported: The wing does not have it.
    """
    return named(device, _devices(), "keras")
