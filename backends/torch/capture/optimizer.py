"""What an optimiser is in every framework, and what a clipping function does.

The latter is told from what it does to gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

NUMBERS = {
    "rate": ("lr",),
    "momentum": ("momentum",),
    "dampening": ("dampening",),
    "nesterov": ("nesterov",),
    "epsilon": ("eps",),
    "beta2": ("alpha",),
    "centered": ("centered",),
    "amsgrad": ("amsgrad",),
    "decay": ("weight_decay",),
    "maximize": ("maximize",),
}
"""Our name of a number, and PyTorch's names for it."""


def described(optimizer: Any, clip: dict[str, float] | None) -> dict[str, Any] | None:
    """Kind and numbers of the first group of parameters, and the number of groups if these differ.

    Of an object of the user's own, which has `zero_grad` and `step` and no groups, nothing is
    known.
    """
    if not isinstance(optimizer, torch.optim.Optimizer):
        return None
    group = optimizer.param_groups[0]
    kind = type(optimizer).__name__.lower()
    numbers = {
        ours: _number(group[own])
        for ours, names in NUMBERS.items()
        for own in names
        if own in group
    }
    if "betas" in group:
        numbers["beta1"], numbers["beta2"] = (_number(one) for one in group["betas"])
    decoupled = bool(group.get("decoupled_weight_decay", kind == "adamw"))
    found = {"kind": kind} | numbers | {"decoupled": decoupled, "clip": clip}
    others = [_plain(one) for one in optimizer.param_groups[1:]]
    return found | (
        {"groups": 1 + len(others)} if any(one != _plain(group) for one in others) else {}
    )


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, torch.Tensor) else value


def _plain(group: dict[str, Any]) -> dict[str, Any]:
    return {name: _number(value) for name, value in group.items() if name != "params"}


def clipping(clip: Callable[[nn.Module], Any], model: nn.Module) -> dict[str, float] | None:
    """What the function does to gradients far too large: by norm, by the norm of all, or by value.

    The gradients that the model had are replaced; None where it is none of these.
    """
    large = _large(model)
    if not large:
        return None
    for parameter, gradient in large.items():
        parameter.grad = gradient.clone()
    clip(model)
    after = {parameter: parameter.grad for parameter in large if parameter.grad is not None}
    if len(after) < len(large) or all(torch.equal(after[one], large[one]) for one in large):
        return None
    return _by_value(after) or _by_norm(large, after)


def _large(model: nn.Module) -> dict[nn.Parameter, torch.Tensor]:
    """Gradients of about 1e6, of which no two are equal, nor of one norm."""
    generator = torch.Generator().manual_seed(0)
    found = {}
    for k, parameter in enumerate(one for one in model.parameters() if one.requires_grad):
        drawn = torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
        found[parameter] = ((1 + drawn) * 1e6 * (k + 1)).to(parameter)
    return found


def _by_value(after: dict[nn.Parameter, torch.Tensor]) -> dict[str, float] | None:
    values = torch.cat([one.flatten() for one in after.values()]).double()
    return {"value": values[0].item()} if len(values) > 1 and (values == values[0]).all() else None


def _by_norm(
    large: dict[nn.Parameter, torch.Tensor], after: dict[nn.Parameter, torch.Tensor]
) -> dict[str, float] | None:
    """One factor for all is the norm of all; one norm for all is each parameter's."""
    ratios = torch.cat([(after[one] / large[one]).flatten() for one in large]).double()
    norms = torch.stack([torch.linalg.vector_norm(one.double()) for one in after.values()])
    if torch.allclose(ratios, ratios[0], rtol=1e-4):
        return {"global_norm": _rounded(torch.linalg.vector_norm(norms).item())}
    return (
        {"norm": _rounded(norms[0].item())} if torch.allclose(norms, norms[0], rtol=1e-4) else None
    )


def _rounded(threshold: float) -> float:
    """Without what rounding and PyTorch's 1e-6 beside the norm have added."""
    return float(f"{threshold:.5g}")
