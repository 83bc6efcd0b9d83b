"""Tensors to arrays and back, and where they are found in what a module takes or returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch._C._functorch import is_functorch_wrapped_tensor  # type: ignore[import-not-found]


def to_numpy(tensor: torch.Tensor, copy: bool = True) -> np.ndarray:
    """A copy, if asked for: float64, integers and booleans stay, lower ones become float32."""
    tensor = tensor.detach()
    if tensor.is_floating_point() and tensor.dtype != torch.float64:
        tensor = tensor.to(torch.float32)
    array = tensor.cpu().numpy()
    # a transposed view is not put in order: that takes ten times as long
    return array.copy(order="K") if copy else array


def to_torch(value: Any, dtype: torch.dtype, cast: torch.dtype | None, device: torch.device) -> Any:
    """Arrays as tensors on the device.

    Args:
        value: An array, a tensor, a number, or tuples, lists and dictionaries of these.
        dtype: Of the real numbers in an array.
        cast: Of those in a tensor; None leaves them.
        device: Where the model is.
    """
    if isinstance(value, dict):
        return {key: to_torch(one, dtype, cast, device) for key, one in value.items()}
    if isinstance(value, tuple):
        return tuple(to_torch(one, dtype, cast, device) for one in value)
    if isinstance(value, torch.Tensor):
        target = cast
        tensor = value.detach().to(device)
    else:
        target = dtype
        tensor = torch.tensor(np.asarray(value), device=device)
    return tensor.to(target) if tensor.is_floating_point() and target else tensor


def found(value: Any) -> list[torch.Tensor]:
    """The tensors in nested tuples, lists and dictionaries, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, tuple | list):
        return []
    return [tensor for one in value for tensor in found(one)]


def ordinary(tensor: torch.Tensor) -> bool:
    """Whether the numbers can be read.

    Neither sparse nor nested, nor inside a transform such as `torch.func.vmap`.
    """
    if is_functorch_wrapped_tensor(tensor):
        return False
    return tensor.layout == torch.strided and not tensor.is_nested and tensor.device.type != "meta"


class Through(torch.autograd.Function):
    """The same numbers, or others in their place, as a tensor of its own in the graph.

    The gradient goes through.

    A view would not do: an operation in place on a view bypasses the view's own node, and with it a
    hook on it.
    """

    @staticmethod
    def forward(
        ctx: Any, tensor: torch.Tensor, anchor: torch.Tensor, value: torch.Tensor | None
    ) -> torch.Tensor:
        """`value` if there is one, else `tensor`.

        The `anchor` requires a gradient, so that the result does.
        """
        return tensor.detach() if value is None else value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """The gradient as it came."""
        return gradients[0], None, None
