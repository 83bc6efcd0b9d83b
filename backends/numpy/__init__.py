"""The definition, executed: forward and hand-derived backward in NumPy.

It is float64 whatever the plan's precision.

Every other wing is compared with this one.
"""

from __future__ import annotations

import numpy as np

from backends.numpy import (
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
from backends.numpy.device import available as devices
from backends.numpy.training import program

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

name = "numpy"


def versions() -> dict[str, str]:
    """The packages that can move a number, with their versions."""
    return {"numpy": np.__version__}
