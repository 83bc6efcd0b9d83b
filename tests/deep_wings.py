"""Deep networks of every kind in every wing, and the definition's."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any, get_args

import pytest

from common.countermeasures.activation import Activation
from common.countermeasures.optimizer import Optimizer
from common.plan import Plan
from tests.strategies import every, label

DEPTH = 50


STEPS = 20


ACTIVATIONS = every(Activation)


NORMALIZATIONS = ["none", "batch"]


OPTIMIZERS = [kind().kind for kind in get_args(get_args(Optimizer)[0])]


CLIPPINGS = {
    "none": {"kind": "none"},
    "value": {"kind": "value", "threshold": 0.01},
    "norm": {"kind": "norm", "threshold": 0.1},
    "global_norm": {"kind": "global_norm", "threshold": 0.5},
}


STARTS: list[Any] = [
    "xavier",
    {"kind": "orthogonal", "bias": "uniform_fan_in"},
    "torch_default",
    "keras_default",
    "flax_default",
]
"""Beside he; the compiled step does not know them. From a constant all gradients of hidden layers
are rounding."""


PAIRINGS = [
    pytest.param(
        activation,
        NORMALIZATIONS[(i + k) % 2],
        clipping,
        STARTS[(i + 2 * k) % len(STARTS)],
        id=f"{label(activation)}-{NORMALIZATIONS[(i + k) % 2]}-{clipping}",
    )
    for i, activation in enumerate(ACTIVATIONS)
    for k, clipping in enumerate(CLIPPINGS)
]
"""Every two kinds of activation, normalization and clipping at least once, and all starts."""


over_normalizations = pytest.mark.parametrize(
    "normalization", NORMALIZATIONS, ids=["plain", "batch_norm"]
)


by_turns = pytest.mark.parametrize(
    ("activation", "normalization"),
    [
        pytest.param(activation, normalization, id=f"{label(activation)}-{normalization}")
        for activation, normalization in zip(ACTIVATIONS, cycle(NORMALIZATIONS), strict=False)
    ],
)
"""Each activation once, without and with batch norm by turns; every two of them are in
`PAIRINGS`."""


over_optimizers = pytest.mark.parametrize("optimizer", OPTIMIZERS)


Maker = Callable[..., Plan]


@pytest.fixture(scope="module")
def deep(plan: Maker) -> Maker:
    """A maker of plans for digits: 50 layers of 12 units, two seeds, batches of 16."""
    sizes = {
        "features": 64,
        "classes": 10,
        "depth": DEPTH,
        "width": 12,
        "batch_size": 16,
        "learning_rate": 0.01,
        "steps": STEPS,
    }
    return lambda clipping, **changes: plan(**(sizes | {"clipping": CLIPPINGS[clipping]} | changes))
