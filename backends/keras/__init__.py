"""The Keras wing: Keras on TensorFlow, and on nothing else.

Trap: Keras picks its backend from `KERAS_BACKEND` or `~/.keras/keras.json`; on JAX or PyTorch the
parity tests would pass all the same, and prove nothing.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from common.errors import UserError

if keras.config.backend() != "tensorflow":
    raise UserError(
        f"the Keras wing is Keras on TensorFlow; received KERAS_BACKEND={keras.config.backend()}; "
        "set KERAS_BACKEND=tensorflow in a new process"
    )

from backends.keras import (
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
from backends.keras.device import available as devices
from backends.keras.training import program

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

name = "keras"

# a learning rate is kept in this type; every layer states its own
keras.config.set_floatx("float64")
tf.config.experimental.enable_tensor_float_32_execution(False)
# costs as long as tracing, and saves nothing
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def versions() -> dict[str, str]:
    """The packages that can move a number, with their versions."""
    return {"tensorflow": tf.__version__, "keras": keras.__version__}
