"""The size of the steps: a learning rate too large or too small, and a momentum that adds up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from experiments.own.diagnosing import Passes
from experiments.own.diagnosis import Advice, Diagnosis
from experiments.own.lines import LINES

LARGE_STEP = 0.1
SMALL_STEP = 1e-5
USUAL_STEP = 1e-3
"""Update ratios: beyond these a rate is called too large or too small; the last is usual."""


def rate(taken: Passes, said: Diagnosis) -> Iterator[Advice]:
    """The learning rate, by how far a step moves the weights."""
    ratios = taken.trace.quantities.get("update_ratio")
    if ratios is None or (said.learning and said.learning.verdict == "learns"):
        return
    if said.gradient.verdict == "non-finite":
        ratios = ratios[:, :1]  # what came after is as large as a number can be
    typical = (
        float(np.median(ratios[np.isfinite(ratios)])) if np.isfinite(ratios).any() else math.nan
    )
    # else it is the gradient that is small
    small = typical < SMALL_STEP and said.gradient.verdict == "comes through"
    if not (typical > LARGE_STEP or small):
        return
    word = "large" if typical > LARGE_STEP else "small"
    text = (
        f"The learning rate is too {word}: a step moves the weights by {typical:.1g} of their "
        f"size; {USUAL_STEP:g} is usual."
    )
    yield Advice(cause="learning rate", said=text, line=_rate_line(taken, typical))


def momentum(taken: Passes, said: Diagnosis) -> Iterator[Advice]:
    """Steps small one by one, and add up until the model dies: to 1 / (1 - momentum) of them."""
    config: dict[str, Any] = taken.captured["optimizer"] or {}
    ratios = taken.trace.quantities.get("update_ratio")
    share = config.get("momentum") or 0.0
    if ratios is None or said.gradient.verdict not in ("dead", "non-finite") or not 0 < share < 1:
        return
    first = float(np.median(ratios[0, 0]))
    count = 1 / (1 - share)
    if not first <= LARGE_STEP < first * count:
        return
    text = (
        f"The steps add up: with a momentum of {share:.3g} to {count:.0f} of them, and the first "
        f"one moves the weights by {first:.1g} of their size; together that is "
        f"{first * count:.1g}."
    )
    line = LINES["momentum"][taken.api].format(rate=config["rate"]) if config.get("rate") else ""
    yield Advice(cause="momentum", said=text, line=line)


def _rate_line(taken: Passes, typical: float) -> str:
    config: dict[str, Any] = taken.captured["optimizer"] or {}
    if not config.get("rate") or not typical:
        return ""
    names = {"torch": {"sgd": "SGD", "adam": "Adam"}, "keras": {"sgd": "SGD", "adam": "Adam"}}
    name = names.get(taken.api, {}).get(config["kind"], config["kind"])
    return LINES["rate"][taken.api].format(
        optimizer=name, rate=config["rate"] * USUAL_STEP / typical
    )
