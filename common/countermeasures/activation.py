r"""Activation: the function between two layers; its derivative multiplies the gradient going back.

| kind       | value, for a pre-activation z    | derivative                  | at z = 0 |
|------------|----------------------------------|-----------------------------|----------|
| identity   | z                                | 1                           | 1        |
| sigmoid    | y = 1 / (1 + exp(-z))            | y (1 - y)                   | 1/4      |
| tanh       | y = tanh(z)                      | (1 - y) (1 + y)             | 1        |
| relu       | max(z, 0)                        | 1 where z > 0, else 0       | 0        |
| leaky_relu | z where z > 0, else slope z      | 1 where z > 0, else slope   | slope    |
| prelu      | as leaky_relu, the slope trained | as leaky_relu               | slope    |
| elu        | z where z > 0, else alpha (exp(z) - 1) | 1 where z > 0, else alpha exp(z) | alpha |
| selu       | scale times ELU                  | scale times that of ELU     | scale alpha |
| gelu       | z P(z)                           | P(z) + z p(z)               | 1/2      |
| gelu, approximation = "tanh" | z s, with s = 1 / (1 + exp(-2 u)) | s + 2 u' z s (1 - s) | 1/2 |
| silu       | z s, with s = 1 / (1 + exp(-z))  | s + z s (1 - s)             | 1/2      |

P and p are the normal law's distribution function, erfc(-z / sqrt(2)) / 2, and its density,
exp(-z^2 / 2) / sqrt(2 pi). In the approximation u = sqrt(2 / pi) (z + 0.044715 z^3), and s is what
is often written (1 + tanh(u)) / 2. SiLU is also called swish.

The derivative of PReLU with respect to its slope is z where z <= 0, else 0; one slope for a layer.

The derivative of sigmoid and tanh is that of the rounded y: where y is a unit in the last place
below 1, it has one digit. What loses more than that is a fault: ELU's value near 0 is that of
expm1, and its derivative far below 0 that of exp; GELU far below 0 is that of erfc, and not of
1 + erf, which is 0 from -8.3 on. The derivatives of GELU and SiLU are sums of two terms, exact to
the rounding of these: they are 0 at one point each (-0.7518, or -0.7525 by tanh; -1.2785), and
negative below it.

A unit is dead where its derivative is exactly 0 for every sample of a batch. The ends
(`open_interval`) are dead themselves:

| kind       | dead at                                   | float64            | float32           |
|------------|-------------------------------------------|--------------------|-------------------|
| identity   | nowhere                                   |                    |                   |
| sigmoid    | y (1 - y) underflows; y rounds to 1       | -708.4; 36.74      | -87.34; 16.64     |
| tanh       | y rounds to -1; to 1                      | -19.06; 19.06      | -9.011; 9.011     |
| relu       | z <= 0                                    | 0                  | 0                 |
| leaky_relu | nowhere                                   |                    |                   |
| prelu      | z <= 0, if the slope is 0                 | 0                  | 0                 |
| elu        | alpha exp(z) underflows                   | -708.4 - log alpha | -87.34 - log alpha |
| selu       | scale alpha exp(z) underflows             | -709               | -87.9             |
| gelu       | exp(-z^2 / 2) underflows                  | -37.64             | -13.22            |
| gelu, approximation = "tanh" | s underflows            | -21.15             | -10               |
| silu       | s underflows                              | -708.4             | -87.34            |

An isolated zero of the derivative is no such end. That is of correctly rounded functions; a tanh
that is a few units in the last place off reaches 1 an eighth before, or only at 20.

A NaN goes in and comes out, and of GELU and SiLU at minus infinity too: 0 times infinity. What the
derivative is at a NaN is left open: the frameworks differ there (relu: PyTorch 1, TensorFlow and
JAX 0), and a NaN is reported as such; it is not 0, and its unit not dead. Subnormal numbers count
as 0: TensorFlow and XLA flush them on input and output, PyTorch and NumPy do not, and a test holds
each to what it does.

Sources: Nair and Hinton 2010 (ReLU); Maas, Hannun and Ng 2013 (Leaky ReLU); He et al. 2015 (PReLU,
initial slope 0.25); Clevert, Unterthiner and Hochreiter 2016 (ELU); Klambauer et al. 2017 (SELU);
Hendrycks and Gimpel 2016 (GELU, and its approximation; SiLU); Elfwing, Uchibe and Doya 2018 (SiLU).
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, assert_never

import numpy as np
from pydantic import Field

from common.part import Parameter, Parameters
from common.spec import BY_NAME, PartSpec

SELU_ALPHA = 1.6732632423543772848170429916717
"""With `SELU_SCALE` it makes mean 0 and variance 1 a fixed point of a layer whose weights have
variance 1 / n_in."""
SELU_SCALE = 1.0507009873554804934193349852946

GELU_CUBIC = 0.044715
"""Of z^3 in GELU's approximation by tanh."""


class Identity(PartSpec, frozen=True):
    """z itself, for a linear network: what remains of the gradient is what weights make of it."""

    kind: Literal["identity"] = "identity"
    on_the_way_back: ClassVar[str] = "the identity passes on all of it"


class Sigmoid(PartSpec, frozen=True):
    """The logistic function; its derivative is at most 1/4, so every layer shrinks the gradient."""

    kind: Literal["sigmoid"] = "sigmoid"
    on_the_way_back: ClassVar[str] = "a sigmoid's derivative is at most 1/4"


class Tanh(PartSpec, frozen=True):
    """The hyperbolic tangent; derivative 1 at 0 and smaller everywhere else."""

    kind: Literal["tanh"] = "tanh"
    on_the_way_back: ClassVar[str] = "a tanh's derivative is at most 1, and smaller away from 0"


class ReLU(PartSpec, frozen=True):
    """max(z, 0); the derivative at 0 is 0."""

    kind: Literal["relu"] = "relu"
    on_the_way_back: ClassVar[str] = (
        "a ReLU passes on nothing where its unit is off, which about half of them are"
    )
    derivative_at_0: Literal[0] = 0


class LeakyReLU(PartSpec, frozen=True):
    """z above 0, slope z below; the derivative at 0 is the slope."""

    kind: Literal["leaky_relu"] = "leaky_relu"
    on_the_way_back: ClassVar[str] = (
        "a leaky ReLU passes on little where its unit is below 0, which about half of them are"
    )
    traced: ClassVar[tuple[str, ...]] = ("slope",)
    slope: float = Field(default=0.01, gt=0, le=1)
    derivative_at_0: Literal["slope"] = "slope"


class PReLU(PartSpec, frozen=True):
    """Leaky ReLU with one trainable slope for each layer; the derivative at 0 is the slope."""

    kind: Literal["prelu"] = "prelu"
    on_the_way_back: ClassVar[str] = (
        "a PReLU passes on little where its unit is below 0, which about half of them are"
    )
    starts: ClassVar[tuple[str, ...]] = ("initial_slope",)
    initial_slope: float = Field(default=0.25, ge=0, le=1)
    derivative_at_0: Literal["slope"] = "slope"

    def parameters(self, units: int) -> Parameters:
        """One slope, whatever the number of units."""
        return {"slope": Parameter((), self.initial_slope)}


class ELU(PartSpec, frozen=True):
    """z above 0, alpha (exp(z) - 1) below; the derivative at 0 is alpha."""

    kind: Literal["elu"] = "elu"
    on_the_way_back: ClassVar[str] = "an ELU's derivative is 1 above 0, and smaller below"
    alpha: float = Field(default=1.0, gt=0)
    derivative_at_0: Literal["alpha"] = "alpha"


class SELU(PartSpec, frozen=True):
    """ELU with an alpha and a scale that are fixed; the derivative at 0 is scale times alpha."""

    kind: Literal["selu"] = "selu"
    on_the_way_back: ClassVar[str] = (
        "a SELU's derivative is 1.05 above 0, at most 1.76 below, and smaller away from 0"
    )
    alpha: float = Field(default=SELU_ALPHA, ge=SELU_ALPHA, le=SELU_ALPHA)
    scale: float = Field(default=SELU_SCALE, ge=SELU_SCALE, le=SELU_SCALE)
    derivative_at_0: Literal["scale alpha"] = "scale alpha"


class GELU(PartSpec, frozen=True):
    """z times the probability that a standard normal number is below z."""

    kind: Literal["gelu"] = "gelu"
    on_the_way_back: ClassVar[str] = "a GELU's derivative is about 1/2 near 0, and 0 far below"
    approximation: Literal["none", "tanh"] = "none"


class SiLU(PartSpec, frozen=True):
    """z times the logistic function of z."""

    kind: Literal["silu"] = "silu"
    on_the_way_back: ClassVar[str] = "a SiLU's derivative is about 1/2 near 0, and 0 far below"


AnyActivation = Identity | Sigmoid | Tanh | ReLU | LeakyReLU | PReLU | ELU | SELU | GELU | SiLU
Activation = Annotated[Annotated[AnyActivation, Field(discriminator="kind")], BY_NAME]


def has_kink(spec: Activation) -> bool:
    """Whether the derivative jumps at 0, so that a number within rounding of 0 may have either."""
    match spec:
        case ReLU() | LeakyReLU() | PReLU() | SELU():
            return True
        case ELU(alpha=alpha):
            return alpha != 1
        case Identity() | Sigmoid() | Tanh() | GELU() | SiLU():
            return False
        case _:
            assert_never(spec)


def dead_where_output_is_not_positive(spec: Activation) -> bool:
    """Whether a unit's output tells that its derivative is 0: its pre-activation is not needed."""
    match spec:
        case ReLU():
            return True
        case Identity() | Sigmoid() | Tanh() | LeakyReLU() | PReLU():
            return False
        case ELU() | SELU() | GELU() | SiLU():
            return False
        case _:
            assert_never(spec)


def open_interval(spec: Activation, precision: str) -> tuple[float, float]:
    """The pre-activations between which the derivative is not rounded to 0: no unit is dead there.

    Args:
        spec: The activation. For PReLU the interval is that of a slope other than 0.
        precision: A NumPy floating-point name, `float32` or `float64`.

    Returns:
        The open interval (low, high). A derivative below the smallest normal number counts as 0.
    """
    info = np.finfo(precision)
    underflow = math.log(float(info.smallest_normal))
    bits = info.nmant + 1
    match spec:
        case Sigmoid():  # 1 + exp(-z) rounds to 1 once exp(-z) <= 2^-bits
            return underflow, bits * math.log(2)
        # tanh z = 1 - 2 exp(-2z) + ..., and rounds to 1 once the distance is half an ulp below 1
        case Tanh():
            edge = (bits + 2) / 2 * math.log(2)
            return -edge, edge
        case ReLU():
            return 0.0, math.inf
        case ELU(alpha=alpha):
            return underflow - math.log(alpha), math.inf
        case SELU(alpha=alpha, scale=scale):
            return underflow - math.log(scale * alpha), math.inf
        case GELU(approximation="none"):
            return -math.sqrt(-2 * underflow), math.inf
        case GELU():
            return _where_tanh_gelu_is(underflow), math.inf
        case SiLU():
            return underflow, math.inf
        case Identity() | LeakyReLU() | PReLU():
            return -math.inf, math.inf
        case _:
            assert_never(spec)


def _where_tanh_gelu_is(underflow: float) -> float:
    """The z at which 2 u is that: the one real root of a cubic."""
    third = 1 / (3 * GELU_CUBIC)
    half = underflow * math.sqrt(math.pi / 8) / (2 * GELU_CUBIC)
    return 2 * math.sqrt(third) * math.sinh(math.asinh(half / third**1.5) / 3)
