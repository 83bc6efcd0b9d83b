"""Settings that labelled cases are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

HEALTHY = [
    ("tanh", "xavier", "none"), ("tanh", "he", "none"), ("relu", "he", "none"),
    ("leaky_relu", "he", "none"),
    ("prelu", "he", "none"), ("elu", "he", "none"), ("elu", "xavier", "none"),
    ("sigmoid", "xavier", "batch"),
    ("tanh", "xavier", "batch"), ("elu", "he", "batch"), ("relu", "he", "batch"),
]  # fmt: skip


FADING = [
    ("sigmoid", "xavier"), ("sigmoid", "he"), ("relu", "xavier"), ("leaky_relu", "xavier"),
    ("prelu", "xavier"),
    ("tanh", {"kind": "gaussian", "std": 0.05}), ("elu", {"kind": "gaussian", "std": 0.03}),
    ("relu", {"kind": "gaussian", "std": 0.02}), ("sigmoid", {"kind": "gaussian", "std": 0.3}),
    ("tanh", {"kind": "xavier", "fan": "avg", "distribution": "uniform"}),
]  # fmt: skip


GROWING = [
    ("tanh", {"kind": "gaussian", "std": 0.35}), ("tanh", {"kind": "gaussian", "std": 0.6}),
    ("relu", {"kind": "gaussian", "std": 0.35}), ("elu", {"kind": "gaussian", "std": 0.35}),
    ("leaky_relu", {"kind": "gaussian", "std": 0.5}), ("prelu", {"kind": "gaussian", "std": 0.3}),
    ("sigmoid", {"kind": "gaussian", "std": 6.0}),
]  # fmt: skip


LEARNABLE = ["digits", "digits", "blobs", "pair", "lopsided", "very lopsided", "xor"]


def pick(rng: np.random.Generator, options: list[Any]) -> Any:
    return options[rng.integers(len(options))]


def settings_of(countermeasures: tuple[Any, ...], **numbers: Any) -> dict[str, Any]:
    names = ("activation", "initialization", "normalization")
    return (
        {"seeds": 3, "batch_size": 32} | dict(zip(names, countermeasures, strict=False)) | numbers
    )


def ordinary(rng: np.random.Generator, countermeasures: tuple[Any, ...]) -> float:
    """A rate that everybody would try; ELU with He, whose signal grows from layer to layer, takes
    less.
    """
    return pick(rng, [0.01, 0.02] if countermeasures == ("elu", "he", "none") else [0.05, 0.1])
