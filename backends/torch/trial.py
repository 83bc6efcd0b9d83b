"""Lines of PyTorch, tried: what a line makes, and the numbers and gradients that come out of it.

A line is what a reader would write, as `nn.BatchNorm1d(units, eps=1e-3)`. Arrays are in the layouts
that all wings share: weights [n_in, n_out], images [sample, row, column, channel], kernels [row,
column, n_in, n_out], sequences [sample, time, unit].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn, optim

from common.line import value as line_value
from common.network import Arrays

NAMES = {"torch": torch, "nn": nn, "F": F, "optim": optim, "init": nn.init, "np": np, "math": math}
"""What a line may name, besides what is given to it."""


def value(line: str, given: Mapping[str, Any] | None = None) -> Any:
    """What a line says in this framework."""
    return line_value(line, {**NAMES, "pull": pull, **(given or {})})


def tried(kind: str, line: str, given: Arrays) -> Arrays:
    """The numbers that come out of a line.

    Args:
        kind: One of `KINDS`.
        line: What makes that which is tried.
        given: What goes in, by name; scalars are names that the line may use (`units`, `rate`).
    """
    return {name: _numbers(a) for name, a in KINDS[kind](line, given).items()}


def _numbers(found: Any) -> np.ndarray:
    return np.asarray(found.detach().numpy() if isinstance(found, torch.Tensor) else found, float)


def _scalars(given: Arrays) -> dict[str, Any]:
    return {name: a.item() for name, a in given.items() if a.ndim == 0}


def _tensors(given: Arrays) -> dict[str, torch.Tensor]:
    return {
        name: torch.tensor(a, requires_grad=a.dtype.kind == "f")
        for name, a in given.items()
        if a.ndim
    }


def _pulled(found: torch.Tensor, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A value, and its gradients along `cotangent` by all that it comes from."""
    weights = tensors["cotangent"] if "cotangent" in tensors else torch.ones_like(found)
    (found * weights.detach()).sum().backward()
    gradients = {f"gradient of {name}": a.grad for name, a in tensors.items() if a.grad is not None}
    return {"value": found, **gradients}


def pull(function: Callable[[torch.Tensor], torch.Tensor], x: Any) -> dict[str, torch.Tensor]:
    """The value of a function at x and the gradient of its sum, for lines."""
    return _pulled(function(at := torch.tensor(x, requires_grad=True)), {"x": at})


def _expression(line: str, given: Arrays) -> dict[str, Any]:
    found = value(
        line, {**_scalars(given), **{name: torch.tensor(a) for name, a in given.items() if a.ndim}}
    )
    return found if isinstance(found, dict) else {"value": found}


def _function(line: str, given: Arrays) -> dict[str, Any]:
    tensors = _tensors(given)
    return _pulled(value(line, _scalars(given))(tensors["x"]), tensors)


def _loss(line: str, given: Arrays) -> dict[str, Any]:
    tensors = _tensors(given)
    return _pulled(value(line, _scalars(given))(tensors["outputs"], tensors["y"].detach()), tensors)


def _put(layer: nn.Module, given: Arrays) -> None:
    """Give a layer those of its arrays that are given under its own names."""
    held = layer.state_dict()
    layer.load_state_dict(
        {**held, **{name: torch.tensor(given[name]) for name in held if name in given}}
    )


def _layer(line: str, given: Arrays) -> dict[str, Any]:
    tensors = _tensors(given)
    layer = value(line, _scalars(given)).double().train()
    _put(layer, given)
    found = _pulled(layer(tensors["x"]), tensors)
    found |= {f"kept {name}": a for name, a in layer.named_buffers() if a.dim()}
    return found | {"evaluated": layer.eval()(tensors["x"])}


def _image(line: str, given: Arrays) -> dict[str, Any]:
    tensors = _tensors(given)
    layer = value(line, _scalars(given)).double()
    kinds = {name: type(module).__name__ for name, module in layer.named_modules()}
    axes = {
        f"{name}.weight".lstrip("."): _TO_TORCH[kind]
        for name, kind in kinds.items()
        if kind in _TO_TORCH
    }
    kernels = {name: tensors["kernel"].permute(order) for name, order in axes.items()}
    output = torch.func.functional_call(layer, kernels, (tensors["x"].permute(0, 3, 1, 2),))
    return _pulled(output.permute(0, 2, 3, 1), tensors)


_TO_TORCH = {"Conv2d": (3, 2, 0, 1), "ConvTranspose2d": (2, 3, 0, 1)}
"""The axes of a kernel [row, column, n_in, n_out] in PyTorch's order."""


def _start(line: str, given: Arrays) -> dict[str, Any]:
    scalars = _scalars(given)
    torch.manual_seed(0)
    kernel, *biases = value(line, scalars).double().parameters()
    sizes = [float(bias.abs().max()) for bias in biases]
    return {
        "std": kernel.std() * math.sqrt(scalars["n_in"]),
        "largest": kernel.abs().max() / kernel.std(),
        "bias": max([0.0, *sizes]),
    }


def _clip(line: str, given: Arrays) -> dict[str, Any]:
    parameters = [
        torch.zeros(a.shape, dtype=torch.float64, requires_grad=True)
        for a in given.values()
        if a.ndim
    ]
    for parameter, gradient in zip(parameters, (a for a in given.values() if a.ndim), strict=True):
        parameter.grad = torch.tensor(gradient)
    value(line, {**_scalars(given), "parameters": parameters})
    return {
        name: p.grad
        for name, p in zip((n for n, a in given.items() if a.ndim), parameters, strict=True)
    }


def _optimizer(line: str, given: Arrays) -> dict[str, Any]:
    parameter = torch.tensor(given["start"], requires_grad=True)
    optimizer = value(line, {**_scalars(given), "parameters": [parameter]})
    found = []
    for step, gradient in enumerate(given["gradients"]):
        if "rates" in given:
            optimizer.param_groups[0]["lr"] = float(given["rates"][step])
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        found.append(parameter.detach().clone())
    return {"parameters": torch.stack(found)}


KINDS: dict[str, Callable[[str, Arrays], dict[str, Any]]] = {
    "expression": _expression, "function": _function, "loss": _loss, "layer": _layer,
    "image": _image, "start": _start,
    "clip": _clip, "optimizer": _optimizer,
}  # fmt: skip
"""How a line is tried.

- expression: its value, or a dictionary of values; arrays given are names that it may use, and
  `pull` (above).
- function: of x; its value and gradient along `cotangent`.
- loss: of `outputs` and `y`; its value and gradient.
- layer: a layer in training, its gradient, what it keeps, and its value in evaluation.
- image: a layer of images, with `kernel` where it is a convolution or holds one; its gradients by
  both.
- start: a layer's first weights: their standard deviation times sqrt(n_in), the largest over it,
  the largest bias.
- clip: the gradients that are given by name, clipped.
- optimizer: `start` after each of the `gradients` [step, ...]; `rates` [step] where the learning
  rate changes.
"""
