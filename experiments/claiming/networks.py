"""The networks that claims are tried on: each by its name, and what it changes of its base.

They are small, so that all claims are tried in minutes. Those that differ in numbers only (an
initialization, a threshold, a scale) share one compiled step. What is not trained takes one step,
in which the gradient at the start is measured.
"""

from __future__ import annotations

from typing import Any

from common.plan import Plan
from experiments.planning import plan_of
from experiments.settings import Settings

Changes = dict[str, Any]

STEPS = 100
"""Of what is trained: enough for a network that learns to leave guessing far behind."""
SEEDS = 5
"""Of each network."""

TRAINED: Changes = {"steps": STEPS}
STANDARD: Changes = {"initialization": {"kind": "gaussian", "std": 1.0}}
TOO_LARGE: Changes = {
    "activation": "tanh",
    "initialization": {"kind": "gaussian", "std": 0.35},
    "steps": 20,
}
LSTM: Changes = {"kind": "lstm", "start": "drawn"}
TANH: Changes = {"activation": "tanh"}
CLIPPED: Changes = {"clipping": "global_norm"}
HE: Changes = {"activation": "relu", "initialization": "he"}
BATCH_NORM: Changes = {"normalization": "batch"}
RESIDUAL: Changes = {"skip": "residual"}
SCALED: Changes = {"skip": {"kind": "residual", "scale": 0.158}}
"""By 1 / sqrt(2 depth)."""
WITHOUT_AVERAGES: Changes = {"normalization": {"kind": "batch", "momentum": 0.9999}}
"""Its moving averages hardly move from the mean 0 and the variance 1 that they start at."""
LINES = ("relu", "leaky_relu", "prelu", "elu")
"""Activations whose derivative is 1 above 0."""
WIDTHS = (16, 256)
WIDENED = ("sigmoid", "tanh", "relu")


def wide(activation: str, width: int) -> str:
    """The name of a network of N(0, 1) weights of some width."""
    return f"{activation} + N(0, 1), width {width}"


DEEP: dict[str, Changes] = {
    "sigmoid + xavier": TRAINED,
    "sigmoid + he": TRAINED | {"initialization": "he"},
    "sigmoid + N(0, 1)": STANDARD,
    "tanh + xavier": TANH,
    "tanh + torch_default": TANH | {"initialization": "torch_default"},
    "tanh + N(0, 1)": TANH | STANDARD,
    "tanh + N(0, 0.35²)": TOO_LARGE,
    "tanh + N(0, 0.35²) + value clipping": TOO_LARGE
    | {"clipping": {"kind": "value", "threshold": 0.1}},
    "tanh + N(0, 0.35²) + global norm clipping": TOO_LARGE | CLIPPED,
    **{
        f"{name} + {start}": {"activation": name, "initialization": start}
        for name in LINES
        for start in ("xavier", "he")
    },
    "relu + xavier": {"activation": "relu"} | TRAINED,
    "relu + he": HE | TRAINED,
    "sigmoid + value clipping": {"clipping": "value"},
    "sigmoid + norm clipping": {"clipping": "norm"},
    "sigmoid + global norm clipping": TRAINED | CLIPPED,
    "sigmoid + batch norm": BATCH_NORM | TRAINED,
    "sigmoid + batch norm + N(0, 1)": BATCH_NORM | STANDARD,
    "sigmoid + batch norm without averages": WITHOUT_AVERAGES | TRAINED,
    "tanh + batch norm + N(0, 1)": TANH | BATCH_NORM | STANDARD,
    "relu + he + batch norm": HE | BATCH_NORM | TRAINED,
    "sigmoid + residual": RESIDUAL | TRAINED,
    "relu + he + residual": HE | RESIDUAL | TRAINED,
    "relu + he + scaled residual": HE | SCALED | TRAINED,
    "sigmoid + batch norm + residual": BATCH_NORM | RESIDUAL | TRAINED,
    "relu + he + batch norm + residual": HE | BATCH_NORM | RESIDUAL | TRAINED,
}
"""20 hidden layers of 64 units; sigmoid + xavier, where nothing else is said."""

WIDE: dict[str, Changes] = {
    wide(name, width): {"activation": name, "width": width} | STANDARD
    for name in WIDENED
    for width in WIDTHS
}
"""10 hidden layers, whose weights are N(0, 1)."""

FEW: dict[str, Changes] = {
    "few samples": {},
    "few samples + batch norm": BATCH_NORM,
}
"""A network that can learn its 179 samples by heart, in small batches."""

OVER_TIME: dict[str, Changes] = {
    "simple cells": {"recurrent": {"kind": "simple", "start": "drawn"}} | TRAINED,
    "simple cells + orthogonal": {"recurrent": "simple"},
    "lstm, forget bias 0": {"recurrent": LSTM | {"forget_bias": 0.0}},
    "lstm, forget bias 1": {"recurrent": LSTM | {"forget_bias": 1.0}} | TRAINED,
    "lstm, forget bias 4": {"recurrent": LSTM | {"forget_bias": 4.0}},
}
"""32 cells over the 64 pixels of a digit, one at a step; all weights are drawn alike, where nothing
else is said."""

BASES: tuple[tuple[Changes, dict[str, Changes]], ...] = (
    ({"depth": 20, "width": 64, "seeds": SEEDS, "steps": 1}, DEEP),
    ({"depth": 10, "seeds": SEEDS, "steps": 1}, WIDE),
    (
        HE
        | {"depth": 3, "seeds": SEEDS, "learning_rate": 0.1, "batch_size": 8, "test_fraction": 0.9}
        | TRAINED,
        FEW,
    ),
    (
        {
            "data": "digits by pixel",
            "width": 32,
            "seeds": SEEDS,
            "optimizer": "adam",
            "learning_rate": 0.01,
            "initialization": "torch_default",
            "steps": 1,
        },
        OVER_TIME,
    ),
)

NETWORKS: dict[str, Changes] = {
    name: base | changes for base, members in BASES for name, changes in members.items()
}


def plans(names: frozenset[str] | None = None) -> dict[str, Plan]:
    """The plans of the networks, or of some of them, by name."""
    chosen = (
        NETWORKS if names is None else {name: NETWORKS[name] for name in NETWORKS if name in names}
    )
    return {name: plan_of(name, Settings.model_validate(one)) for name, one in chosen.items()}
