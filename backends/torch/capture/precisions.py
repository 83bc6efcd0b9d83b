"""The precision of a model, and of what it is given."""

from __future__ import annotations

import torch
from torch import nn

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


def dtype_of(precision: str | None) -> torch.dtype | None:
    """None where the model's own is to stay.

    Raises:
        ValueError: There is no such precision.
    """
    if precision is None:
        return None
    if precision not in PRECISIONS:
        raise ValueError(
            f"precision must be {', '.join(PRECISIONS)} or None; received {precision!r}"
        )
    return PRECISIONS[precision]


def cast(model: nn.Module, optimizer: torch.optim.Optimizer | None, dtype: torch.dtype) -> None:
    """Parameters keep their identity, so the optimiser still has them; its state follows them."""
    model.to(dtype)
    if isinstance(optimizer, torch.optim.Optimizer) and optimizer.state:
        optimizer.load_state_dict(optimizer.state_dict())
