"""What an ordinary model (model.py) takes from the rooms of its parts, and what it starts at."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import assert_never

import torch
from torch import nn

from backends.torch import initialization
from common.part import Part
from common.placement import Place, Placed, kept_by
from common.plan import Plan


def room(name: str) -> ModuleType:
    """The room of a part."""
    return import_module(f"backends.torch.{name}")


def placed(part: Part) -> Placed:
    """Where a part has its parameters and statistics."""
    return kept_by(room(part.room), part.kind)


def fill(tensor: torch.Tensor, plan: Plan, place: Place) -> None:
    """Draw a weight or a bias, or fill something else with what it starts at."""
    law = plan.initialization_of(place.layer)
    match how := place.one.own_start:
        case "drawn":
            initialization.build(law)(tensor)
        case "drawn bias":
            initialization.bias(law, place.one.fan_in)(tensor)
        case "orthogonal":
            nn.init.orthogonal_(tensor)
        case "identity":
            nn.init.eye_(tensor)
        case int() | float() as number:
            tensor.fill_(number)
        case _:
            assert_never(how)
