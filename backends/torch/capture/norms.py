"""What is known of a tensor whose values are not kept: computed where it is, in one pass each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

SMALLEST = {
    one: math.sqrt(torch.finfo(one).tiny) / torch.finfo(one).eps
    for one in (torch.float32, torch.float64)
}
"""Below this root mean square, squares may be too small to count."""

Numbers = dict[str, Any]

VANISHES: dict[str, Callable[[torch.Tensor, Numbers], torch.Tensor]] = {
    "relu": lambda y, config: y,
    "relu6": lambda y, config: y * (6 - y),
    "sigmoid": lambda y, config: y * (1 - y),
    "hard_sigmoid": lambda y, config: y * (1 - y),
    "tanh": lambda y, config: 1 - y * y,
    "hard_tanh": lambda y, config: (y - config["low"]) * (config["high"] - y),
}
"""By activation, what of its output is 0 exactly where its derivative is, and positive
elsewhere."""


def rms(tensor: torch.Tensor) -> float:
    """The root mean square, scale-safe; 0 of nothing, infinity or nan where a value is."""
    if not tensor.numel():
        return 0.0
    count = math.sqrt(tensor.numel())
    tensor = tensor.detach()
    if tensor.dtype not in SMALLEST:
        tensor = tensor.float()
    norm = torch.linalg.vector_norm(tensor).item()
    if SMALLEST[tensor.dtype] * count < norm < math.inf:
        return norm / count
    return _scaled(tensor.double(), count)


def _scaled(tensor: torch.Tensor, count: float) -> float:
    """The same where squares leave the range: divided by the largest before they are squared."""
    largest = tensor.abs().max().item()
    if not 0 < largest < math.inf:
        return largest
    return torch.linalg.vector_norm(tensor / largest).item() / count * largest


def mean(tensor: torch.Tensor) -> float:
    """Of the values; 0 of nothing."""
    if not tensor.numel():
        return 0.0
    dtype = tensor.dtype if tensor.dtype in SMALLEST else torch.float32
    return tensor.detach().sum(dtype=dtype).item() / tensor.numel()


def dead(config: Numbers, output: torch.Tensor, layout: list[int] | None) -> float | None:
    """The share of units (channels) whose derivative is exactly 0 in the whole batch.

    Args:
        config: Of the activation: its name and numbers.
        output: Of the activation.
        layout: Its axes in the order (batch, *space, channel).

    Returns:
        None where it cannot be told from the output.
    """
    name = config["name"]
    if name == "leaky_relu" and config["slope"]:
        return 0.0
    if name not in VANISHES or layout is None or not output.numel():
        return None
    largest = VANISHES[name](output.detach(), config).amax(layout[:-1])
    return int((largest == 0).sum()) / largest.numel()
