r"""Initialization: the laws that weights [n_in, n_out] and biases of affine maps are drawn from.

| kind                 | standard deviation of a weight                |
|----------------------|-----------------------------------------------|
| gaussian             | std                                           |
| xavier               | gain sqrt(1 / n)                              |
| he                   | gain sqrt(2 / ((1 + slope^2) n))              |
| orthogonal           | gain sqrt(1 / max(n_in, n_out))               |
| constant             | 0: each weight is the value                   |
| torch_default        | sqrt(1 / (3 n_in))                            |
| keras_default        | sqrt(2 / (n_in + n_out))                      |
| flax_default         | sqrt(1 / n_in)                                |

n is n_in for `fan = "in"`, n_out for "out", and (n_in + n_out) / 2 for "avg": the first keeps the
size of what goes forward, the second that of the gradient, the third some of both; they are equal
where n_in = n_out. `fan = "in"` is what many texts call Xavier, and is the law of LeCun et al.
1998; `fan = "avg"` is that of Glorot and Bengio 2010. The slope is that of Leaky ReLU or PReLU
below 0, where the network has one.

The shape of the law is said by name, and has that standard deviation whichever it is:

| distribution     | a weight, for standard deviation s                                            |
|------------------|-------------------------------------------------------------------------------|
| normal           | N(0, s^2), no bound                                                           |
| truncated_normal | N(0, t^2) given |w| <= 2t, with t = s / 0.8796...,                            |
|                  | the std of N(0, 1) cut at +-2                                                 |
| uniform          | U(-sqrt(3) s, sqrt(3) s)                                                      |

Orthogonal weights are uniform among the matrices whose columns are orthogonal, each of length gain,
or whose rows are, where n_in < n_out: Q of the QR decomposition of a normal matrix, its columns
multiplied by the signs of R's diagonal. Without these signs Q is what the algorithm makes it, and
not uniform.

A bias starts at 0, or by a law of its own; a layer with batch norm has none, and then there is
nothing to draw:

| bias             | of an affine map with n_in inputs                |
|------------------|--------------------------------------------------|
| 0                | 0                                                |
| uniform_fan_in   | U(-1 / sqrt(n_in), 1 / sqrt(n_in)), as PyTorch's |

A single layer may have another law than all others, by its name: `initialization_by_layer` of a
plan.

What the frameworks start a layer from, unasked, are kinds of their own, each a law of the table
with its numbers fixed:

| kind          | is                                           | distribution     | bias           |
|---------------|----------------------------------------------|------------------|----------------|
| torch_default | he, slope = sqrt(5):                         | uniform          | uniform_fan_in |
|               | U(-1 / sqrt(n_in), 1 / sqrt(n_in))           |                  |                |
| keras_default | xavier, fan = "avg": `glorot_uniform`        | uniform          | 0              |
| flax_default  | xavier, fan = "in": `lecun_normal`           | truncated_normal | 0              |

Sources: LeCun et al. 1998, Efficient BackProp; Glorot and Bengio 2010, eq. 12 and 16; He et al.
2015, eq. 10, 14 and 15; Saxe, McClelland and Ganguli 2014 (orthogonal), with the signs of
Mezzadri 2007.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, assert_never

import numpy as np
from pydantic import Field

from common.distribution import Distribution, orthogonal, standardized
from common.spec import BY_NAME, Spec

TORCH_SLOPE = math.sqrt(5)
"""That PyTorch gives to `kaiming_uniform_` for a linear layer, whatever comes after it."""

Fan = Literal["in", "out", "avg"]
Bias = Literal[0, "uniform_fan_in"]


class Gaussian(Spec, frozen=True):
    """A fixed standard deviation, whatever the size of the layer."""

    kind: Literal["gaussian"] = "gaussian"
    std: float = Field(default=1.0, gt=0)
    distribution: Distribution = "normal"
    bias: Bias = 0


class Xavier(Spec, frozen=True):
    """A standard deviation that keeps the variance of a linear layer."""

    kind: Literal["xavier"] = "xavier"
    fan: Fan = "in"
    gain: float = Field(default=1.0, gt=0)
    distribution: Distribution = "normal"
    bias: Bias = 0


class He(Spec, frozen=True):
    """A standard deviation that keeps the variance of a layer with ReLU, or a slope below 0."""

    kind: Literal["he"] = "he"
    fan: Fan = "in"
    slope: float = Field(default=0.0, ge=0)
    gain: float = Field(default=1.0, gt=0)
    distribution: Distribution = "normal"
    bias: Bias = 0


class Orthogonal(Spec, frozen=True):
    """A linear layer that keeps all lengths, and not their mean alone."""

    kind: Literal["orthogonal"] = "orthogonal"
    gain: float = Field(default=1.0, gt=0)
    bias: Bias = 0


class Constant(Spec, frozen=True):
    """One number for all weights: the units of a layer start equal, and stay so.

    With a softmax at the end nothing comes back at first: its gradients add up to 0, and each has
    the same weight.
    """

    kind: Literal["constant"] = "constant"
    value: float
    bias: Bias = 0


class TorchDefault(Spec, frozen=True):
    """What `torch.nn.Linear` starts from."""

    kind: Literal["torch_default"] = "torch_default"
    fan: Literal["in"] = "in"
    slope: float = Field(default=TORCH_SLOPE, ge=TORCH_SLOPE, le=TORCH_SLOPE)
    distribution: Literal["uniform"] = "uniform"
    bias: Literal["uniform_fan_in"] = "uniform_fan_in"


class KerasDefault(Spec, frozen=True):
    """What `keras.layers.Dense` starts from."""

    kind: Literal["keras_default"] = "keras_default"
    fan: Literal["avg"] = "avg"
    distribution: Literal["uniform"] = "uniform"
    bias: Literal[0] = 0


class FlaxDefault(Spec, frozen=True):
    """What `flax.linen.Dense` and `flax.nnx.Linear` start from."""

    kind: Literal["flax_default"] = "flax_default"
    fan: Literal["in"] = "in"
    distribution: Literal["truncated_normal"] = "truncated_normal"
    bias: Literal[0] = 0


Law = Gaussian | Xavier | He | Orthogonal | Constant
"""What a default of a framework is one of."""

AnyInitialization = Law | TorchDefault | KerasDefault | FlaxDefault
Initialization = Annotated[Annotated[AnyInitialization, Field(discriminator="kind")], BY_NAME]


def law_of(spec: Initialization) -> Law:
    """The law itself, where the spec is a framework's default."""
    match spec:
        case TorchDefault(fan=fan, slope=slope, distribution=distribution, bias=bias):
            return He(fan=fan, slope=slope, distribution=distribution, bias=bias)
        case KerasDefault(fan=fan, distribution=distribution, bias=bias):
            return Xavier(fan=fan, distribution=distribution, bias=bias)
        case FlaxDefault(fan=fan, distribution=distribution, bias=bias):
            return Xavier(fan=fan, distribution=distribution, bias=bias)
        case Gaussian() | Xavier() | He() | Orthogonal() | Constant():
            return spec
        case _:
            assert_never(spec)


def fan_of(fan: Fan, n_in: int, n_out: int) -> float:
    """The number of units that a standard deviation is divided by the root of."""
    fans: dict[Fan, float] = {"in": n_in, "out": n_out, "avg": (n_in + n_out) / 2}
    return fans[fan]


def he_scale(spec: He) -> float:
    """The variance of a weight times n."""
    return 2 * spec.gain * spec.gain / (1 + spec.slope * spec.slope)


def standard_deviation(spec: Initialization, n_in: int, n_out: int) -> float:
    """The standard deviation of a weight of an affine map from n_in to n_out (table above)."""
    law = law_of(spec)
    match law:
        case Gaussian(std=std):
            return std
        case Xavier(fan=fan, gain=gain):
            return gain * math.sqrt(1 / fan_of(fan, n_in, n_out))
        case He(fan=fan, gain=gain, slope=slope):
            return gain * math.sqrt(2 / fan_of(fan, n_in, n_out)) / math.hypot(1, slope)
        case Orthogonal(gain=gain):
            return gain * math.sqrt(1 / max(n_in, n_out))
        case Constant():
            return 0.0
        case _:
            assert_never(law)


def bias_bound(n_in: int) -> float:
    """Within which the biases of `uniform_fan_in` are."""
    return math.sqrt(1 / n_in)


def weights(spec: Initialization, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Weights [n_in, n_out], drawn by the spec's law."""
    law = law_of(spec)
    match law:
        case Gaussian() | Xavier() | He():
            return standardized(rng, law.distribution, shape) * standard_deviation(law, *shape)
        case Orthogonal(gain=gain):
            return gain * orthogonal(rng, shape)
        case Constant(value=value):
            return np.full(shape, value)
        case _:
            assert_never(law)


def biases(spec: Initialization, rng: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
    """Biases [n_out] of an affine map with n_in inputs, by the spec's law for them."""
    bias: Bias = spec.bias
    match bias:
        case 0:
            return np.zeros(n_out)
        case "uniform_fan_in":
            bound = bias_bound(n_in)
            return rng.uniform(-bound, bound, n_out)
        case _:
            assert_never(bias)
