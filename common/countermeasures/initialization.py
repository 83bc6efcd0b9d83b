r"""Initialization: the law that the weights of an affine map [n_in, n_out] are drawn from; the biases start at 0.

| kind                 | standard deviation of a weight |
|----------------------|--------------------------------|
| gaussian             | std                            |
| xavier, fan = "in"   | sqrt(1 / n_in)                 |
| xavier, fan = "avg"  | sqrt(2 / (n_in + n_out))       |
| he                   | sqrt(2 / n_in)                 |

The shape of the law is said by name, and has that standard deviation whichever it is:

| distribution     | a weight, for standard deviation s                                               |
|------------------|----------------------------------------------------------------------------------|
| normal           | N(0, s^2), no bound                                                              |
| truncated_normal | N(0, t^2) given |w| <= 2t, with t = s / 0.8796..., the std of N(0, 1) cut at +-2 |
| uniform          | U(-sqrt(3) s, sqrt(3) s)                                                         |

`fan = "in"` is what many texts call Xavier, and is the law of LeCun et al. 1998; `fan = "avg"` is that of Glorot and
Bengio 2010. They are equal where n_in = n_out.

Sources: LeCun et al. 1998, Efficient BackProp; Glorot and Bengio 2010, eq. 12 and 16; He et al. 2015, eq. 10.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from common.spec import BY_NAME, Spec

TRUNCATED_STD = 0.8796256610342398
"""The standard deviation of a standard normal number given that it lies within +-2."""

Distribution = Literal["normal", "truncated_normal", "uniform"]


class Gaussian(Spec, frozen=True):
    """A fixed standard deviation, whatever the size of the layer."""

    kind: Literal["gaussian"] = "gaussian"
    std: float = Field(default=1.0, gt=0)
    distribution: Distribution = "normal"
    bias: Literal[0] = 0


class Xavier(Spec, frozen=True):
    """A standard deviation that keeps the variance of a linear layer."""

    kind: Literal["xavier"] = "xavier"
    fan: Literal["in", "avg"] = "in"
    distribution: Distribution = "normal"
    bias: Literal[0] = 0


class He(Spec, frozen=True):
    """A standard deviation that keeps the variance of a layer with ReLU."""

    kind: Literal["he"] = "he"
    fan: Literal["in"] = "in"
    distribution: Distribution = "normal"
    bias: Literal[0] = 0


Initialization = Annotated[Annotated[Gaussian | Xavier | He, Field(discriminator="kind")], BY_NAME]


def standard_deviation(spec: Initialization, n_in: int, n_out: int) -> float:
    """The standard deviation of a weight of an affine map from n_in to n_out units (table above)."""
    match spec:
        case Gaussian(std=std):
            return std
        case Xavier(fan="in"):
            return math.sqrt(1 / n_in)
        case Xavier():
            return math.sqrt(2 / (n_in + n_out))
        case He():
            return math.sqrt(2 / n_in)
