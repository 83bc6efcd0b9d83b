r"""Optimizer: what a step makes of the clipped gradient, and how far it moves the weights by it.

A step adds an update to each parameter w: w + u, with u = -learning_rate d. For the clipped
gradient g, and a state that is 0 before the first step, the direction d is

| kind     | state after the step                      | d                                         |
|----------|-------------------------------------------|-------------------------------------------|
| sgd      |                                           | g                                         |
| momentum | v = momentum v + g                        | v                                         |
| nesterov | v = momentum v + g                        | g + momentum v                            |
| adam     | m = beta1 m + (1 - beta1) g,              | m / c1 / (sqrt(s / c2) + epsilon)         |
|          | s = beta2 s + (1 - beta2) g^2             |                                           |
| adamw    | as adam                                   | m / c1 / (sqrt(s / c2) + epsilon)         |
|          |                                           | + weight_decay w                          |
| rmsprop  | s = rho s + (1 - rho) g^2                 | g / (sqrt(s) + epsilon)                   |

with the bias corrections c1 = 1 - beta1^t and c2 = 1 - beta2^t of step t, counted from 1. The order
of a step is: clip, state, direction, w + u; d is made of w before the step. The decay is decoupled:
it enters neither g nor the state, is not clipped, and takes every parameter, the biases among them.
There is no dampening, and the learning rate is no part of the state.

Without epsilon Adam and RMSprop step as far for a gradient of 1e-12 as for one of 1. With it, a
gradient that is much smaller than epsilon is divided by epsilon alone, and the step vanishes with
it: so the place and the size of epsilon decide whether a vanished gradient still trains. A square
is beyond a precision sooner than its root: of a float32 gradient below 1e-19 there is no second
moment, and of one above 1e19 an infinite one, by which the step is 0.

Sources: Polyak 1964 (momentum); Nesterov 1983, as Sutskever et al. 2013 and PyTorch have it; Kingma
and Ba 2015, algorithm 1 (Adam); Loshchilov and Hutter 2019, algorithm 2, its decay times the
learning rate as in all three frameworks (AdamW); Tieleman and Hinton 2012, lecture 6.5 (RMSprop).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, assert_never

import numpy as np
from pydantic import Field

from common.spec import BY_NAME, Spec

Share = Annotated[float, Field(ge=0, lt=1)]


class SGD(Spec, frozen=True):
    """The gradient itself."""

    kind: Literal["sgd"] = "sgd"
    title: ClassVar[str] = "SGD"
    traced: ClassVar[tuple[str, ...]] = ("learning_rate",)
    learning_rate: float = Field(default=0.03, gt=0)


class Momentum(Spec, frozen=True):
    """A sum of all gradients, the older ones counting less."""

    kind: Literal["momentum"] = "momentum"
    title: ClassVar[str] = "momentum"
    traced: ClassVar[tuple[str, ...]] = ("learning_rate", "momentum")
    learning_rate: float = Field(default=0.03, gt=0)
    momentum: Share = 0.9
    dampening: Literal[0] = 0
    initial_velocity: Literal[0] = 0


class Nesterov(Spec, frozen=True):
    """The same, with the gradient once more: a look ahead along the velocity."""

    kind: Literal["nesterov"] = "nesterov"
    title: ClassVar[str] = "Nesterov"
    traced: ClassVar[tuple[str, ...]] = ("learning_rate", "momentum")
    learning_rate: float = Field(default=0.03, gt=0)
    momentum: Share = 0.9
    dampening: Literal[0] = 0
    initial_velocity: Literal[0] = 0


class Adam(Spec, frozen=True):
    """The mean of the gradients over the root of the mean of their squares."""

    kind: Literal["adam"] = "adam"
    title: ClassVar[str] = "Adam"
    traced: ClassVar[tuple[str, ...]] = ("learning_rate", "beta1", "beta2", "epsilon")
    learning_rate: float = Field(default=1e-3, gt=0)
    beta1: Share = 0.9
    beta2: Share = 0.999
    epsilon: float = Field(default=1e-8, gt=0)
    epsilon_is: Literal["outside the root"] = "outside the root"
    bias_correction: Literal["of both moments"] = "of both moments"
    initial_moments: Literal[0] = 0


class AdamW(Spec, frozen=True):
    """The same, and every parameter decays by learning_rate weight_decay in each step."""

    kind: Literal["adamw"] = "adamw"
    title: ClassVar[str] = "AdamW"
    traced: ClassVar[tuple[str, ...]] = (
        "learning_rate",
        "beta1",
        "beta2",
        "epsilon",
        "weight_decay",
    )
    learning_rate: float = Field(default=1e-3, gt=0)
    beta1: Share = 0.9
    beta2: Share = 0.999
    epsilon: float = Field(default=1e-8, gt=0)
    epsilon_is: Literal["outside the root"] = "outside the root"
    bias_correction: Literal["of both moments"] = "of both moments"
    initial_moments: Literal[0] = 0
    weight_decay: float = Field(default=1e-2, ge=0)
    decay: Literal["decoupled, after clipping"] = "decoupled, after clipping"
    decays: Literal["every parameter"] = "every parameter"


class RMSprop(Spec, frozen=True):
    """The gradient over the root of the mean of its squares."""

    kind: Literal["rmsprop"] = "rmsprop"
    title: ClassVar[str] = "RMSprop"
    traced: ClassVar[tuple[str, ...]] = ("learning_rate", "rho", "epsilon")
    learning_rate: float = Field(default=1e-3, gt=0)
    rho: Share = 0.9
    epsilon: float = Field(default=1e-8, gt=0)
    epsilon_is: Literal["outside the root"] = "outside the root"
    bias_correction: Literal["none"] = "none"
    initial_average: Literal[0] = 0
    momentum: Literal[0] = 0


Optimizer = Annotated[
    Annotated[SGD | Momentum | Nesterov | Adam | AdamW | RMSprop, Field(discriminator="kind")],
    BY_NAME,
]

Arrays = dict[str, np.ndarray]


def slots(spec: Optimizer) -> tuple[str, ...]:
    """The names of what is kept of each parameter between steps, of its shape and 0 at first."""
    match spec:
        case SGD():
            return ()
        case Momentum() | Nesterov():
            return ("velocity",)
        case Adam() | AdamW():
            return ("first_moment", "second_moment")
        case RMSprop():
            return ("square_average",)
        case _:
            assert_never(spec)


def coefficients(spec: Optimizer) -> dict[str, float]:
    """The numbers that every step takes, in float64.

    What a share leaves of 1 is among them: a wing that subtracts float32(0.999) from 1 is off by
    1e-5 of the result.
    """
    found: dict[str, float] = {name: getattr(spec, name) for name in spec.traced}
    shares = [name for name in ("beta1", "beta2", "rho") if name in found]
    return found | {f"one_minus_{name}": 1 - found[name] for name in shares}


def corrections(spec: Optimizer, step: int) -> dict[str, float]:
    """The numbers that change from step to step, from 1 on, in float64: the bias corrections."""
    match spec:
        case Adam(beta1=beta1, beta2=beta2) | AdamW(beta1=beta1, beta2=beta2):
            return {"correction1": 1 - beta1**step, "correction2": 1 - beta2**step}
        case SGD() | Momentum() | Nesterov() | RMSprop():
            return {}
        case _:
            assert_never(spec)


def steepest(spec: Optimizer) -> float:
    """About how many times as far apart as two gradients their directions may be.

    In an element, whatever the state.
    """
    match spec:
        case SGD() | Momentum():
            return 1.0
        case Nesterov(momentum=momentum):
            return 1 + momentum
        case Adam(epsilon=epsilon) | AdamW(epsilon=epsilon) | RMSprop(epsilon=epsilon):
            return 1 / epsilon
        case _:
            assert_never(spec)


def linear(spec: Optimizer) -> bool:
    """Whether directions are always as far apart as their gradients, times a number of about 1."""
    match spec:
        case SGD() | Momentum() | Nesterov():
            return True
        case Adam() | AdamW() | RMSprop():
            return False
        case _:
            assert_never(spec)


def with_rate(spec: Optimizer, learning_rate: float | None) -> Optimizer:
    """The spec with another learning rate; None leaves its own."""
    return (
        spec if learning_rate is None else spec.model_copy(update={"learning_rate": learning_rate})
    )


def without_rate(spec: Optimizer) -> Optimizer:
    """The spec with the learning rate that its kind has by default."""
    return type(spec).model_validate(spec.model_dump(exclude={"learning_rate"}))


def named(parameter: str, slot: str) -> str:
    """The name of a parameter's slot in a state."""
    return f"{parameter}.{slot}"


def held_of(spec: Optimizer, state: dict[str, Any], parameter: str) -> dict[str, Any]:
    """What a state holds of one parameter, by the names of the slots."""
    return {slot: state[named(parameter, slot)] for slot in slots(spec)}


def initial(spec: Optimizer, parameters: Arrays) -> Arrays:
    """The state before the first step, by `parameter.slot`."""
    return {
        named(name, slot): np.zeros(a.shape)
        for name, a in parameters.items()
        for slot in slots(spec)
    }


def of_probe(inputs: Arrays) -> tuple[Arrays, list[Arrays]]:
    """What `probe` gets: parameters [seed, layer, ...] by name, and their gradients of each step.

    Args:
        inputs: `name` [seed, layer, ...] and `name.gradients` [step, seed, layer, ...] for each
            parameter.
    """
    names = [name for name in inputs if not name.endswith(".gradients")]
    steps = len(inputs[f"{names[0]}.gradients"])
    gradients = [
        {name: inputs[f"{name}.gradients"][step] for name in names} for step in range(steps)
    ]
    return {name: inputs[name] for name in names}, gradients
