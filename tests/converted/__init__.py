"""A user's model of eleven layers in three frameworks, as each is written there, with what saves
it, loads it and takes a step.

What saves and loads is what docs/convert.md shows.
"""

from __future__ import annotations

from tests.converted.keras import (
    keras_loaded,
    keras_model,
    keras_optimizer_of,
    keras_saved,
    keras_step,
)
from tests.converted.linen import (
    linen_loaded,
    linen_model,
    linen_saved,
    linen_started,
    linen_step,
    optax_optimizer,
)
from tests.converted.shared import (
    HEADS,
    OPTIMIZERS,
    RATE,
    Arrays,
    Stepped,
    batch,
    equal,
    file_of,
    precise,
    through,
    wings,
)
from tests.converted.torch import (
    torch_kinds,
    torch_loaded,
    torch_model,
    torch_optimizer,
    torch_saved,
    torch_step,
)

__all__ = [
    "HEADS",
    "OPTIMIZERS",
    "RATE",
    "Arrays",
    "Stepped",
    "batch",
    "equal",
    "file_of",
    "keras_loaded",
    "keras_model",
    "keras_optimizer_of",
    "keras_saved",
    "keras_step",
    "linen_loaded",
    "linen_model",
    "linen_saved",
    "linen_started",
    "linen_step",
    "optax_optimizer",
    "precise",
    "through",
    "torch_kinds",
    "torch_loaded",
    "torch_model",
    "torch_optimizer",
    "torch_saved",
    "torch_step",
    "wings",
]
