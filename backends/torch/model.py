"""The network of any plan as an ordinary PyTorch model.

Modules, an optimizer of `torch.optim`, a loop.

    model = build(plan, seed=0)
    losses = train(model, plan, batches)

It is made of the rooms' `build`s, and computes what the definition does; the engine
(backends/torch/network.py) does so for several seeds at once, and measures.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

import numpy as np
import torch
from torch import nn

from backends.torch import clipping, loss, optimizer
from backends.torch.arrays import from_numpy, to_numpy
from backends.torch.ordinary import fill, placed, room
from common.network import Arrays
from common.part import Part
from common.placement import Place, Samples, layers_of, places, together
from common.plan import Plan


def sequential(parts: Iterable[Part], units: int) -> nn.Sequential:
    """Parts one after another, for x [batch, (time,) unit] with so many units."""
    found = nn.Sequential()
    for part in parts:
        inner = sequential(part.inner, units)
        found.add_module(part.room, room(part.room).module(part, units, inner))
        units = part.outputs(units)
    return found


def build(plan: Plan, seed: int) -> nn.Sequential:
    """The model in the plan's precision, its parameters drawn by the plan's initialization."""
    model = nn.Sequential()
    for name, stack in layers_of(plan.network):
        model.add_module(name, sequential(stack.block, stack.inputs))
    model.to(getattr(torch, plan.precision))
    torch.manual_seed(seed)
    start(model, plan)
    return model


@torch.no_grad()
def start(model: nn.Module, plan: Plan) -> None:
    """Draw weights and biases, and fill the rest with what it starts at."""
    for place in places(plan.network, placed):
        fill(tensor_of(model, place), plan, place)


def tensor_of(model: nn.Module, place: Place) -> torch.Tensor:
    """A parameter or a buffer, or what of it is one gate's."""
    whole = whole_of(model, place)
    return whole[place.kept.region(whole.shape)]


def whole_of(model: nn.Module, place: Place) -> torch.Tensor:
    """The parameter or the buffer that it is in."""
    return attrgetter(".".join(place.path))(model)


@torch.no_grad()
def load(model: nn.Module, plan: Plan, arrays: Arrays) -> None:
    """Put parameters and statistics [layer, ...] by our names into the model."""
    for place in places(plan.network, placed):
        tensor = tensor_of(model, place)
        tensor.copy_(
            from_numpy(place.kept.there(arrays[place.name][place.at]), tensor.dtype, tensor.device)
        )


def arrays(model: nn.Module, plan: Plan) -> Arrays:
    """The parameters and statistics of the model, [layer, ...] by our names."""
    return together(places(plan.network, placed), lambda place: to_numpy(whole_of(model, place)))


def gradients(model: nn.Module, plan: Plan, samples: Samples) -> tuple[float, Arrays]:
    """The loss of a batch, and its unclipped gradients, [layer, ...] by our names of parameters."""
    model.zero_grad()
    value = loss_of(model, plan, samples)
    value.backward()
    found = {
        name: to_numpy(parameter.grad)
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    trained = [place for place in places(plan.network, placed) if place.trained]
    return value.item(), together(trained, lambda place: found[".".join(place.path)])


def loss_of(model: nn.Module, plan: Plan, samples: Samples) -> torch.Tensor:
    """The loss of a batch, in training."""
    model.train()
    x, y = (like(model, a) for a in samples)
    return loss.build(plan.network.loss)(model(x), y)


def like(model: nn.Module, a: np.ndarray) -> torch.Tensor:
    """An array in the model's precision, where the model is; integers stay integers."""
    one = next(model.parameters())
    return from_numpy(a, one.dtype, one.device)


def train(model: nn.Module, plan: Plan, batches: Iterable[Samples]) -> list[float]:
    """Train the model with the plan's clipping and optimizer, and give the loss of each step."""
    clip = clipping.build(plan.clipping)
    stepper = optimizer.build(plan.optimizer)(model.parameters())
    losses: list[float] = []
    for samples in batches:
        stepper.zero_grad()
        value = loss_of(model, plan, samples)
        value.backward()
        clip(model.parameters())
        stepper.step()
        losses.append(value.item())
    return losses


@torch.no_grad()
def predict(model: nn.Module, plan: Plan, x: np.ndarray) -> np.ndarray:
    """The outputs [batch, output] for x [batch, (time,) features], in evaluation."""
    model.eval()
    return to_numpy(model(like(model, x)))
