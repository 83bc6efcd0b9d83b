"""What an ordinary model (model.py) takes from the rooms of its parts, and what it starts at."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any, assert_never

import keras
import numpy as np

from backends.keras import initialization
from common.part import Part
from common.placement import Place, Placed, kept_by
from common.plan import Plan


def room(name: str) -> ModuleType:
    """The room of a part."""
    return import_module(f"backends.keras.{name}")


def placed(part: Part) -> Placed:
    """Where a part has its parameters and statistics."""
    return kept_by(room(part.room), part.kind)


def started(plan: Plan, place: Place, seed: int) -> Any:
    """A weight or a bias, drawn, or what something else starts at."""
    shape = place.one.shape
    law = plan.initialization_of(place.layer)
    match how := place.one.own_start:
        case "drawn":
            return initialization.build(law)(seed=seed)(shape, dtype=plan.precision)
        case "drawn bias":
            return initialization.bias(law, place.one.fan_in)(seed=seed)(
                shape, dtype=plan.precision
            )
        case "orthogonal":
            return keras.initializers.Orthogonal(seed=seed)(shape, dtype=plan.precision)
        case "identity":
            return np.eye(shape[0])
        case int() | float() as number:
            return np.full(shape, number)
        case _:
            assert_never(how)
