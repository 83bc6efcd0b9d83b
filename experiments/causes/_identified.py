"""What the reference's optimiser is: what it states, if that gives its steps, else what does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from experiments.causes._case import Case, Steps, flat
from experiments.causes._definition.errors import Undefined
from experiments.causes._hypothesis import CLOSE, CLOSE_IN_SINGLE, error
from experiments.causes._steps import PLACES, complete, norm, updates

Config = dict[str, Any]
KERAS_CLOSE = 2e-5
"""Keras has the powers of Adam's betas in float32, in a float64 model too."""
UNSTATED = (
    {"kind": "sgd"},
    *(
        {"kind": "sgd", "momentum": m, "nesterov": n}
        for m in (0.9, 0.99, 0.95, 0.5)
        for n in (False, True)
    ),
    *(
        {"kind": kind, "epsilon": e}
        for kind in ("adam", "rmsprop", "adagrad")
        for e in (1e-8, 1e-7, 1e-10, 1e-6)
    ),
    *(
        {"kind": "adamw", "epsilon": e, "decay": d}
        for e in (1e-8, 1e-7)
        for d in (1e-4, 1e-2, 4e-3)
    ),
    {"kind": "adam", "beta2": 0.99},
    {"kind": "rmsprop", "rho": 0.99},
    {"kind": "adagrad", "start": 0.1, "epsilon": 1e-7},
)
"""What is tried where the reference says nothing of its optimiser; the rate is solved for."""


USUAL = (1.0, 0.5, 0.1, 5.0, 10.0, 0.25, 2.0, 0.01)
"""Thresholds."""
EXACT = 1e-10
"""Where a law is so close, no other one is looked for."""
SCREEN = 1e-2
"""A law that is so far off on one parameter is not tried on all."""


def close_enough(case: Case, config: Config) -> float:
    """How close simulated steps must come: that of two weights is known to their rounding only."""
    keras = "keras" in (case.port.backend, case.reference.backend) and config["kind"] == "adam"
    close = max(KERAS_CLOSE if keras else CLOSE, CLOSE_IN_SINGLE if case.single else 0.0)
    epsilon = float(np.finfo(np.float32 if case.single else np.float64).eps)
    return max(
        close,
        *(
            2 * epsilon * _weight_over_update(side.steps)
            for side in (case.reference, case.port)
            if side.steps
        ),
    )


def _weight_over_update(steps: Steps) -> float:
    largest = max(
        (float(np.max(np.abs(steps.parameters[0][name]), initial=0.0)) for name in steps.names()),
        default=0.0,
    )
    moved = float(np.max(np.abs(steps.updates()), initial=0.0))
    return largest / moved if moved else 0.0


def simulated(config: Config, steps: Steps) -> np.ndarray:
    """The updates of these steps; NaN where one parameter already tells that it is not this law."""
    small = steps.screen()
    if (
        "global_norm" not in config["clip"]
        and error(updates(config, small), small.updates()) > SCREEN
    ):
        return np.full(1, np.nan)
    return updates(config, steps)


def framework(config: Config, backend: str) -> Config:
    """The same numbers as this framework computes with them."""
    return config | {"place": PLACES.get((backend, config["kind"]), "outside")}


def identified(case: Case) -> Config:
    """The configuration that gives the reference's own steps.

    Raises:
        Undefined: None is found.
    """
    steps = case.reference.steps
    if steps is None or not len(steps.updates()):
        raise Undefined("no steps of the reference")
    best: tuple[float, Config] | None = None
    for config in _held_twice(_candidates(steps, case.reference.backend), steps):
        left = error(simulated(config, steps), steps.updates())
        if left < EXACT:
            return config
        if left < min(close_enough(case, config), best[0] if best else np.inf):
            best = left, config
    if best is None:
        raise Undefined("steps of the reference that no known optimiser takes")
    return best[1]


def _candidates(steps: Steps, backend: str) -> Iterator[Config]:
    """As stated; with a clipping that is not; and where nothing is stated, the usual ones."""
    if steps.optimizer is not None:
        stated = complete(steps.optimizer, backend)
        yield stated
        yield from _clipped(stated, steps)
        if backend == "torch" and stated["clip"].get("global_norm"):
            yield stated | {"clip_epsilon": 1e-6}
        return
    yield from usual(steps, backend)


def _held_twice(configs: Iterator[Config], steps: Steps) -> Iterator[Config]:
    """Each as it is, and with the two biases that PyTorch's recurrent layers have."""
    pairs = two_biases(steps)
    for config in configs:
        yield config
        if pairs:
            yield config | {"twice": pairs}


def two_biases(steps: Steps) -> tuple[str, ...]:
    """The biases of recurrent layers, which are sums of two in some frameworks.

    A GRU's second one is another.
    """
    names = set(steps.names())
    roots = [name.removesuffix("recurrent") for name in steps.names() if name.endswith("recurrent")]
    return tuple(
        f"{root}bias"
        for root in roots
        if f"{root}bias" in names and f"{root}recurrent_bias" not in names
    )


def usual(steps: Steps, backend: str, **more: Any) -> Iterator[Config]:
    """The usual ones, with these numbers of another and the rate that these steps have."""
    for stated in UNSTATED:
        config = complete({**stated, "rate": 1.0, **more}, backend)
        for place in dict.fromkeys((config["place"], "outside", "root")):
            yield _rated(config | {"place": place}, steps)


def _clipped(config: Config, steps: Steps) -> Iterator[Config]:
    """Clipping stands beside the optimiser in PyTorch, so that the optimiser does not state it."""
    if config["clip"]:
        return
    for scope, threshold in thresholds(config, steps):
        yield config | {"clip": {scope: threshold}}
        yield config | {"clip": {scope: threshold}, "clip_epsilon": 1e-6}


def thresholds(config: Config, steps: Steps) -> Iterator[tuple[str, float]]:
    """The usual ones, and those that the first step of plain gradients tells."""
    names = steps.names()
    moved = [
        (steps.parameters[1][name] - steps.parameters[0][name]) / config["rate"] for name in names
    ]
    plain = _sizes([np.asarray(steps.gradients[0][name]) for name in names])
    for scope, size in _sizes(moved).items():
        # else nothing was clipped
        told = (float(f"{size:.6g}"), size) if size < (1 - 1e-6) * plain[scope] else ()
        for threshold in dict.fromkeys((*USUAL, *told)):
            yield scope, threshold


def _sizes(arrays: list[np.ndarray]) -> dict[str, float]:
    """What a threshold of each scope is compared with."""
    return {
        "global_norm": norm(flat(arrays)),
        "norm": max(norm(array) for array in arrays),
        "value": max(float(np.max(np.abs(array), initial=0.0)) for array in arrays),
    }


def _rated(config: Config, steps: Steps) -> Config:
    """With the rate that gives these steps best."""
    plain = updates(config, steps)
    its = steps.updates()
    size = float(np.vdot(plain, plain))
    return config | {"rate": float(f"{np.vdot(plain, its) / size:.7g}") if size else 1.0}
