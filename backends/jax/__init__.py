"""The JAX wing: Flax linen and optax."""

from __future__ import annotations

from importlib.metadata import version

import jax

from backends.jax import (
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
from backends.jax.device import available as devices
from backends.jax.training import program

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

name = "jax"

jax.config.update("jax_enable_x64", True)  # otherwise float64 is cut to float32 in silence
# no TF32 on NVIDIA, no bfloat16 on TPU
jax.config.update("jax_default_matmul_precision", "highest")


def versions() -> dict[str, str]:
    """The packages that can move a number, with their versions."""
    return {package: version(package) for package in ("jax", "flax", "optax")}
