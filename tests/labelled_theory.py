"""Labels by theory: mean field theory along the trajectory of the second moment, with its
correction for the width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.architectures import Perceptron
from common.countermeasures.initialization import standard_deviation
from common.plan import Plan
from experiments.experiment import Experiment, plans
from tests.mean_field import PHI, Z, batch_norm_rate, mean


@dataclass(frozen=True)
class Case:
    """A plan's settings with the verdicts that are known; several where either is right, none where
    nothing is certain.
    """

    cause: str
    settings: dict[str, Any]
    data: str
    gradient: tuple[str, ...] = ()
    learning: tuple[str, ...] = ()


def decades(settings: dict[str, Any], depth: int) -> tuple[float, float]:
    """Decades of signal gradient between the first and the last of `depth` layers, and their spread
    over draws.
    """
    plan = plan_of(Case("", settings | {"depth": 3}, "digits"), Path())
    width = plan.network.units
    activation = plan.network.activation.kind
    phi, slope = PHI[activation]
    s = standard_deviation(plan.initialization, width, width) ** 2 * width
    assert isinstance(plan.network, Perceptron)
    if plan.network.normalization.rescales:
        rate = math.log10(batch_norm_rate(activation, plan.task.batch_size)) / 2
        return rate * (depth - 1), 0.05 * math.sqrt(depth)
    features = plan.network.features
    q = standard_deviation(plan.initialization, features, width) ** 2 * features
    log_ratio, variance = 0.0, 0.0
    for _ in range(depth - 1):
        q = s * mean(phi(np.sqrt(q) * Z) ** 2)
        squared = slope(np.sqrt(q) * Z) ** 2
        log_ratio += math.log(max(s * mean(squared), 1e-300))
        variance += min(3 * mean(squared**2) / mean(squared) ** 2 - 1, 50) / width
    return (log_ratio - variance / 2) / 2 / math.log(10), math.sqrt(1.5 * variance) / 2 / math.log(
        10
    )


def by_theory(settings: dict[str, Any], data: str) -> tuple[str, ...]:
    """The gradient's verdict, where theory is certain of it: that of batch norm is for samples in
    many directions.
    """
    if settings.get("normalization", "none") == "batch" and data == "xor":
        return ()
    own, own_spread = decades(settings, settings["depth"])
    deep, spread = decades(settings, max(30, settings["depth"]))
    margin = 2 * spread + 0.5
    if own - 2 * own_spread < -320:
        return ()
    if deep < -3 - margin:
        return ("vanishing",)
    if deep > 3 + margin:
        return ("exploding",)
    return ("comes through",) if abs(deep) < 3 - margin else ()


# ---- runs and scores


def plan_of(case: Case, folder: Path) -> Plan:
    """The case as a plan."""
    data = case.data if case.data == "digits" else str(folder / f"{case.data}.npz")
    base = case.settings | {"data": data}
    return plans(Experiment(question="?", base=base, configuration=({"name": "it"},)))["it"]
