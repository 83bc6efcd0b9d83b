"""The wings, by name. Importing this package imports no framework."""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec
from typing import cast

from common.backend import Backend
from common.errors import UserError, install_command, nearest

NEEDS = {
    "numpy": ("numpy",),
    "torch": ("torch",),
    "keras": ("tensorflow", "keras"),
    "jax": ("jax", "flax", "optax"),
}
"""Each wing and the packages that it needs, the definition first."""

DEFINITION = "numpy"
"""What every other wing is compared with."""

FRAMEWORKS = tuple(name for name in NEEDS if name != DEFINITION)

IMAGES = {"torch": "channels first", "keras": "channels last", "jax": "channels last"}
"""The order of the axes that each framework's layers of images take unasked."""

ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # its default depends on the processor; a transposed product takes four times as long without
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}
"""What has to be in a process's environment before a framework is imported, unless the user has set
it."""


def missing(name: str) -> list[str]:
    """The packages that a wing needs and that are not installed."""
    return [package for package in NEEDS[name] if find_spec(package) is None]


def load(name: str) -> Backend:
    """Import a wing, and with it its framework.

    Raises:
        UserError: No wing has the name, or its packages are not installed.
    """
    if name not in NEEDS:
        raise UserError(f"no backend is called {name!r}{nearest(name, NEEDS)}")
    if missing(name):
        raise UserError(
            f"the backend {name} needs {', '.join(missing(name))}; install with: "
            f"{install_command(name)}"
        )
    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    return cast(Backend, importlib.import_module(f"backends.{name}"))
