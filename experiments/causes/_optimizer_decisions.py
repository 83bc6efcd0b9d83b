"""The decisions that make an optimiser.

Every configuration that is one away from another, and both sides of it in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from experiments.causes._case import Case
from experiments.causes._change import told
from experiments.causes._identified import Config, two_biases

MOMENTA = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)
BETAS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)
EPSILONS = tuple(10.0**-k for k in range(1, 17))
DECAYS = (1e-5, 1e-4, 5e-4, 1e-3, 4e-3, 5e-3, 1e-2, 0.05, 0.1)
FLAGS = {"nesterov", "amsgrad", "centered", "corrected"}
TITLES = {
    "rate": "Learning rate",
    "beta1": "Beta 1",
    "beta2": "Beta 2",
    "decay": "Weight decay",
    "corrected": "Bias correction",
}


def decisions(case: Case, config: Config) -> Iterator[tuple[str, Config]]:
    """Every configuration that is one decision away."""
    stated = case.port.steps.optimizer if case.port.steps else None
    pairs = two_biases(case.port.steps) if case.port.steps else ()
    if pairs:
        yield "second_bias", config | {"twice": () if config.get("twice") else pairs}
    for name, numbers in _choices(config).items():
        its = (stated or {}).get(name)
        for number in dict.fromkeys((*(() if its is None else (its,)), *numbers)):
            if number != config.get(name):
                yield name, config | {name: number}
    if config["decay"]:
        yield "coupling", config | {"decoupled": not config["decoupled"]}
        for decay in (0.0, *DECAYS):
            yield "decay", config | {"decay": decay}
        yield "masked", config | {"masked": not config.get("masked", False)}
    else:
        for decay in DECAYS:
            yield "decay", config | {"decay": decay, "decoupled": True}
            yield "decay", config | {"decay": decay, "decoupled": False}


def _choices(config: Config) -> dict[str, tuple[Any, ...]]:
    """The numbers of its kind."""
    match config["kind"]:
        case "sgd":
            damped = (
                {"dampening": (0.0, config["momentum"], 0.1, 0.5, 0.9)}
                if config["momentum"]
                else {}
            )
            narrow = float(np.float32(config["momentum"]))  # what Keras makes of a Python number
            return {"momentum": (*MOMENTA, narrow), "nesterov": (True, False), **damped}
        case "adam":
            flags = dict.fromkeys(("nesterov", "amsgrad", "corrected"), (True, False))
            return {"epsilon": EPSILONS, "beta1": (0.0, *MOMENTA), "beta2": BETAS, **flags}
        case "rmsprop":
            return {
                "rho": (0.5, *BETAS),
                "epsilon": EPSILONS,
                "centered": (True, False),
                "momentum": MOMENTA,
            }
        case "adagrad":
            return {"epsilon": EPSILONS, "start": (0.0, 0.1, 1.0)}
        case _:
            return {}


def both_sides(name: str, base: Config, changed: Config) -> str:
    """Both sides of a decision."""
    mine = base.get(name)
    its = changed.get(name)
    coupled = {True: "decoupled", False: "added to the gradient"}
    match name:
        case "coupling":
            return (
                f"Weight decay: {coupled[base['decoupled']]} in the reference, "
                f"{coupled[changed['decoupled']]} in the port"
            )
        case "second_bias":
            words = {True: "the sum of two that both move", False: "one that moves"}
            mine = words[bool(base.get("twice"))]
            its = words[bool(changed.get("twice"))]
            return f"Bias of a recurrent layer: {mine} in the reference, {its} in the port"
        case "masked":
            words = {True: "of weights only", False: "of all parameters"}
            return (
                f"Weight decay: {words[bool(mine)]} in the reference, {words[bool(its)]} in the "
                "port"
            )
        case "decay":
            way = coupled[(changed if its else base)["decoupled"]]
            return (
                f"Weight decay: {_number(mine)} in the reference, {_number(its)} in the port "
                f"({way})"
            )
        case _:
            title = TITLES.get(name, name.capitalize())
            return (
                f"{title}: {_number(mine, name)} in the reference, {_number(its, name)} in the port"
            )


def _number(number: Any, name: str = "") -> str:
    if name in FLAGS:
        return "on" if number else "off"
    return told(number) if number else "none"
