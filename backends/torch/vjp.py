"""A function of PyTorch's tensors, and its vector-Jacobian products, in float64: for own tests.

It is loaded by its path in their process. It imports NumPy and PyTorch, nothing of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

Pull = Callable[[Sequence[np.ndarray]], list[np.ndarray | None]]


def vjp(
    function: Callable[..., Any], inputs: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], Pull]:
    """What a function returns, and how cotangents come back through it.

    Args:
        function: Of tensors; it returns one, or a tuple or list of them.
        inputs: Of real numbers float64; others are given as they are.

    Returns:
        The outputs; and a function of a cotangent for each output that gives the gradient with
        respect to each input, None where none reaches it.
    """
    tensors = [torch.tensor(each, requires_grad=each.dtype.kind == "f") for each in inputs]
    found = function(*tensors)
    outputs = list(found) if isinstance(found, tuple | list) else [found]

    def pull(cotangents: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        pairs = [
            (y, torch.from_numpy(c))
            for y, c in zip(outputs, cotangents, strict=True)
            if y.requires_grad
        ]
        wanted = [each for each in tensors if each.requires_grad]
        if not pairs or not wanted:
            return [None] * len(inputs)
        ys, cs = zip(*pairs, strict=True)
        gradients = iter(torch.autograd.grad(ys, wanted, cs, allow_unused=True))
        return [_array(next(gradients)) if each.requires_grad else None for each in tensors]

    return [y.detach().cpu().numpy() for y in outputs], pull


def _array(gradient: torch.Tensor | None) -> np.ndarray | None:
    return None if gradient is None else gradient.cpu().numpy()
