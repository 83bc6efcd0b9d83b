"""Places of a model by hand, and what is told of a case."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.causes import Case, Side, explain


def step(path: str, kind: str, output: np.ndarray, *inputs: np.ndarray, **config: Any) -> Side:
    return Side("keras", "keras", path, kind, inputs=inputs, output=output, config=config)


def told(case: Case) -> list[tuple[str, str]]:
    return [(each.key, each.path) for each in explain(case)]
