"""A line of the ledger as a block of code with its imports."""

from __future__ import annotations

import re

from experiments.ledger import Difference


def line(difference: Difference, form: str, framework: str) -> str:
    """What is written in a framework."""
    return getattr(difference.trial, form).of(framework).strip()


KERAS = ("activations", "initializers", "layers", "losses", "ops", "optimizers")


IMPORTS = {
    "torch": {
        "torch": "import torch", "nn": "from torch import nn", "optim": "from torch import optim",
        "F": "import torch.nn.functional as F", "init": "from torch.nn import init",
    },
    "keras": {
        "keras": "import keras", "tf": "import tensorflow as tf",
        **{name: f"from keras import {name}" for name in KERAS},
    },
    "jax": {
        "jax": "import jax", "jnp": "import jax.numpy as jnp", "linen": "from flax import linen",
        "nnx": "from flax import nnx",
        "optax": "import optax", "initializers": "from jax.nn import initializers",
        "inspect": "import inspect",
    },
}  # fmt: skip
"""Where the names of lines come from, by framework."""


EVERYWHERE = {"np": "import numpy as np", "math": "import math"}


def imports(framework: str, code: str) -> str:
    """The import statements that a line needs, in the order of their modules."""
    known = EVERYWHERE | IMPORTS[framework]
    used = [
        statement for name, statement in known.items() if re.search(rf"(?<![\w.]){name}\b", code)
    ]
    return "\n".join(sorted(used))


def block(difference: Difference, framework: str) -> str:
    """What is copied: imports, and the cure; the names that it uses besides are its reader's."""
    cured = line(difference, "cured", framework)
    before = imports(framework, cured)
    return f"{before}\n\n{cured}" if before else cured
