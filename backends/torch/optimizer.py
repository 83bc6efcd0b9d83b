"""The optimizer in PyTorch: a class of `torch.optim`, with every number stated.

Trap: `weight_decay` is L2 in all classes but AdamW: it is added to the clipped gradient, and enters
momentum and moments with it. RMSprop's default `alpha` is 0.99 and its rate 1e-2, where the others
have 0.9 and 1e-3; AdamW decays by 1e-2 unless told otherwise. `dampening` takes from every gradient
but the first. A parameter whose gradient is None is left out, by decay and momentum too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, assert_never

import torch

from backends.torch.arrays import Tensors
from common.countermeasures.optimizer import (
    SGD,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Optimizer,
    RMSprop,
    coefficients,
    corrections,
    held_of,
    initial,
    of_probe,
)
from common.network import Arrays

NATIVE = {
    "sgd": "torch.optim.SGD",
    "momentum": "torch.optim.SGD",
    "nesterov": "torch.optim.SGD",
    "adam": "torch.optim.Adam",
    "adamw": "torch.optim.AdamW",
    "rmsprop": "torch.optim.RMSprop",
}

Constructor = Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]
Numbers = Mapping[str, float]
Rule = Callable[[Tensors, Tensors, Tensors, Numbers], Tensors]
"""From gradients, parameters, a state by `parameter.slot` and a step's numbers to directions; the
state is changed in place."""


def build(spec: Optimizer) -> Constructor:
    """A constructor of the optimizer, to be called with the parameters of a model."""
    match spec:
        case SGD(learning_rate=rate):
            return partial(torch.optim.SGD, lr=rate, momentum=0.0, weight_decay=0.0)
        case Momentum(learning_rate=rate, momentum=momentum):
            return partial(
                torch.optim.SGD, lr=rate, momentum=momentum, dampening=0.0, weight_decay=0.0
            )
        case Nesterov(learning_rate=rate, momentum=momentum):
            return partial(
                torch.optim.SGD,
                lr=rate,
                momentum=momentum,
                dampening=0.0,
                weight_decay=0.0,
                nesterov=momentum > 0,
            )
        case Adam(learning_rate=rate, beta1=beta1, beta2=beta2, epsilon=epsilon):
            return partial(
                torch.optim.Adam, lr=rate, betas=(beta1, beta2), eps=epsilon, weight_decay=0.0
            )
        case AdamW(
            learning_rate=rate, beta1=beta1, beta2=beta2, epsilon=epsilon, weight_decay=decay
        ):
            return partial(
                torch.optim.AdamW, lr=rate, betas=(beta1, beta2), eps=epsilon, weight_decay=decay
            )
        case RMSprop(learning_rate=rate, rho=rho, epsilon=epsilon):
            return partial(
                torch.optim.RMSprop, lr=rate, alpha=rho, eps=epsilon, momentum=0.0, weight_decay=0.0
            )
        case _:
            assert_never(spec)


def layer(spec: Optimizer) -> Rule:
    """From clipped gradients to the directions of a step, all [seed, layer, ...] by name."""
    match spec:
        case SGD():
            return lambda gradients, parameters, state, numbers: gradients
        case Momentum():
            return _for_each(spec, _momentum)
        case Nesterov():
            return _for_each(spec, _nesterov)
        case Adam():
            return _for_each(spec, _adam)
        case AdamW():
            return _for_each(spec, _adamw)
        case RMSprop():
            return _for_each(spec, _rmsprop)
        case _:
            assert_never(spec)


def _for_each(
    spec: Optimizer, rule: Callable[[torch.Tensor, torch.Tensor, Tensors, Numbers], torch.Tensor]
) -> Rule:
    """The rule of one parameter for all of them."""

    def of_all(
        gradients: Tensors, parameters: Tensors, state: Tensors, numbers: Numbers
    ) -> Tensors:
        return {
            name: rule(g, parameters[name], held_of(spec, state, name), numbers)
            for name, g in gradients.items()
        }

    return of_all


def _momentum(g: torch.Tensor, w: torch.Tensor, held: Tensors, numbers: Numbers) -> torch.Tensor:
    return held["velocity"].mul_(numbers["momentum"]).add_(g)


def _nesterov(g: torch.Tensor, w: torch.Tensor, held: Tensors, numbers: Numbers) -> torch.Tensor:
    return g.add(_momentum(g, w, held, numbers), alpha=numbers["momentum"])


def _adam(g: torch.Tensor, w: torch.Tensor, held: Tensors, numbers: Numbers) -> torch.Tensor:
    first = held["first_moment"].mul_(numbers["beta1"]).add_(g, alpha=numbers["one_minus_beta1"])
    second = (
        held["second_moment"]
        .mul_(numbers["beta2"])
        .addcmul_(g, g, value=numbers["one_minus_beta2"])
    )
    root = (second / numbers["correction2"]).sqrt_()
    return (first / numbers["correction1"]).div_(root.add_(numbers["epsilon"]))


def _adamw(g: torch.Tensor, w: torch.Tensor, held: Tensors, numbers: Numbers) -> torch.Tensor:
    return _adam(g, w, held, numbers).add_(w, alpha=numbers["weight_decay"])


def _rmsprop(g: torch.Tensor, w: torch.Tensor, held: Tensors, numbers: Numbers) -> torch.Tensor:
    average = (
        held["square_average"].mul_(numbers["rho"]).addcmul_(g, g, value=numbers["one_minus_rho"])
    )
    return g / average.sqrt().add_(numbers["epsilon"])


def probe(spec: Optimizer, inputs: Arrays, form: Callable[[Any], Any] = layer) -> Arrays:
    """Parameters and, of `layer`, the state after some steps.

    `common.countermeasures.optimizer.of_probe` says of what.
    """
    start, gradients = of_probe(inputs)
    steps = [{name: torch.tensor(g) for name, g in found.items()} for found in gradients]
    if form is not layer:
        return _by_itself(form(spec), start, steps)
    parameters = {name: torch.tensor(a) for name, a in start.items()}
    state = {name: torch.tensor(a) for name, a in initial(spec, start).items()}
    rule = layer(spec)
    for step, found in enumerate(steps, start=1):
        numbers = coefficients(spec) | corrections(spec, step)
        directions = rule(found, parameters, state, numbers)
        parameters = {
            name: w - numbers["learning_rate"] * directions[name] for name, w in parameters.items()
        }
    return {name: a.numpy() for name, a in (parameters | state).items()}


def _by_itself(constructor: Constructor, start: Arrays, steps: list[Tensors]) -> Arrays:
    """Parameters after some steps of an optimizer as a model has it."""
    parameters = {name: torch.nn.Parameter(torch.tensor(a)) for name, a in start.items()}
    optimizer = constructor(parameters.values())
    for found in steps:
        for name, parameter in parameters.items():
            parameter.grad = found[name].clone()
        optimizer.step()
    return {name: a.detach().numpy() for name, a in parameters.items()}


def native(spec: Optimizer) -> Constructor:
    """PyTorch's own optimizer with its own defaults."""
    match spec:
        case SGD():
            return torch.optim.SGD
        case Momentum(momentum=momentum):
            return partial(torch.optim.SGD, momentum=momentum)
        case Nesterov(momentum=momentum):
            return partial(torch.optim.SGD, momentum=momentum, nesterov=True)
        case Adam():
            return torch.optim.Adam
        case AdamW():
            return torch.optim.AdamW
        case RMSprop():
            return torch.optim.RMSprop
        case _:
            assert_never(spec)
