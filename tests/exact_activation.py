"""An activation's exact value and derivative, where they are asked for, and the elements at which a
wing is away from them.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from functools import cache
from typing import assert_never

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from common.backend import Backend
from common.countermeasures.activation import (
    ELU,
    GELU,
    GELU_CUBIC,
    SELU,
    Activation,
    Identity,
    LeakyReLU,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Tanh,
)
from tests.strategies import every, floats, label

SPECS = [*every(Activation), LeakyReLU(slope=0.3), PReLU(initial_slope=0), ELU(alpha=0.7)]
BY_NAME = pytest.mark.parametrize("spec", SPECS, ids=label)
PRECISIONS = pytest.mark.parametrize("precision", ["float32", "float64"])
FEW = settings(max_examples=25, deadline=None)

ULPS = 8
"""What a function of the frameworks may be away from the exact one, in units of the last place of
1; 4 were seen."""

SMALLEST = {"float32": -37, "float64": -300}
"""The exponents of the powers of ten down to which an activation is drawn."""
NEAR = [sign * 10.0**-k for k in (1, 2, 3, 6, 8, 12, 17, 30, 37) for sign in (1, -1)]
FAR = [
    sign * z
    for z in (0.5, 1, 5, 7.9, 9, 15.8, 16.7, 17.4, 17.7, 19, 20, 30, 36.7, 38, 40, 87, 100, 700)
    for sign in (1, -1)
]


def exact(spec: Activation, z: float) -> tuple[Decimal, Decimal]:
    """Value and derivative at z, to 40 digits, in the formulas that cancel nowhere; called with 60
    digits.
    """
    x = Decimal(z)
    match spec:
        case Identity():
            return x, Decimal(1)
        case Sigmoid():
            return logistic(x), logistic(x) * logistic(-x)
        case Tanh():
            m = expm1(2 * x)
            e = (-2 * abs(x)).exp()
            return m / (m + 2), 4 * e / (1 + e) ** 2
        case ReLU():
            return max(x, Decimal(0)), Decimal(int(x > 0))
        case LeakyReLU(slope=slope) | PReLU(initial_slope=slope):
            return (x, Decimal(1)) if x > 0 else (Decimal(slope) * x, Decimal(slope))
        case ELU(alpha=alpha):
            return (
                (x, Decimal(1)) if x > 0 else (Decimal(alpha) * expm1(x), Decimal(alpha) * x.exp())
            )
        case SELU(alpha=alpha, scale=scale):
            value, derivative = exact(ELU(alpha=alpha), z)
            return Decimal(scale) * value, Decimal(scale) * derivative
        case GELU(approximation="none"):
            return x * normal_cdf(x), normal_cdf(x) + x * normal_density(x)
        case GELU():
            return product(x, *tanh_argument(x))
        case SiLU():
            return product(x, x, Decimal(1))
        case _:
            assert_never(spec)


def product(x: Decimal, argument: Decimal, slope: Decimal) -> tuple[Decimal, Decimal]:
    """Value and derivative of x times the logistic function of an argument that has that slope."""
    s = logistic(argument)
    return x * s, s + slope * x * s * logistic(-argument)


def logistic(x: Decimal) -> Decimal:
    """1 / (1 + exp(-x)); where that has no number, 0."""
    return x.exp() / (1 + x.exp()) if x < 0 else 1 / (1 + (-x).exp())


def tanh_argument(x: Decimal) -> tuple[Decimal, Decimal]:
    """2 u of GELU's approximation, and its derivative."""
    twice = (8 / PI).sqrt()
    cubic = Decimal(GELU_CUBIC)
    return twice * (x + cubic * x**3), twice * (1 + 3 * cubic * x**2)


PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def normal_density(x: Decimal) -> Decimal:
    """Of a standard normal number."""
    return (-x * x / 2).exp() / (2 * PI).sqrt()


@cache
def normal_cdf(x: Decimal) -> Decimal:
    """The probability of less than x, to 40 digits: by the series from the middle, or by the
    continued fraction of its tail.
    """
    if x > 0:
        return 1 - normal_cdf(-x)
    if x < -9:
        below = -x
        for n in range(100, 0, -1):
            below = n / below - x
        return normal_density(x) / below
    term = total = x
    for n in range(1, 300):
        term *= x * x / (2 * n + 1)
        total += term
    return Decimal("0.5") + normal_density(x) * total


def expm1(x: Decimal) -> Decimal:
    """exp(x) - 1, to 40 of 60 digits."""
    return x.exp() - 1 if abs(x) > Decimal("1e-20") else x + x * x / 2


def sizes(
    spec: Activation, z: float, value: Decimal, derivative: Decimal, eps: Decimal
) -> tuple[Decimal, Decimal]:
    """What the errors of value and derivative are a few units in the last place of: themselves,
    where nothing is amplified.

    The spec's derivative of sigmoid and tanh is that of the rounded y, whose distance from 1 takes
    over the error of y: it is y / (1 - y) times that, relative to itself. Where y is small, as on
    all of sigmoid's lower side, nothing is lost; the bound reaches 1 where y rounds to 1. GELU and
    SiLU are products with a function of z: an argument of exp that is rounded is as far off as it
    is large, and the two terms of the derivative may cancel. No other may lose more than the value
    does.
    """
    x = Decimal(z)
    y = abs(value)
    match spec:
        case Sigmoid():
            return y, derivative + y * y  # 1 - y = derivative / y
        case Tanh():
            return y, derivative + y * (1 + y)  # 1 - y = derivative / (1 + y)
        case GELU(approximation="none"):
            rounded = 1 + x * x / 4
            return y * rounded, (normal_cdf(x) + abs(x) * normal_density(x)) * rounded
        case GELU():
            return product_sizes(x, *tanh_argument(x), eps)
        case SiLU():
            return product_sizes(x, x, Decimal(1), eps)
        case Identity() | ReLU() | LeakyReLU() | PReLU() | ELU() | SELU():
            return y, abs(derivative)
        case _:
            assert_never(spec)


def product_sizes(
    x: Decimal, argument: Decimal, slope: Decimal, eps: Decimal
) -> tuple[Decimal, Decimal]:
    """Those of x times the logistic function of an argument: 1 - s of a rounded s has no digits
    where s is nearly 1.
    """
    s = logistic(argument)
    rest = logistic(-argument)
    amplified = 1 if slope == 1 else 1 + abs(argument) / 4  # an argument that is z itself is exact
    lost = slope * abs(x) * s * s / 4 if rest > eps / 8 else 0
    return abs(x) * s * amplified, (s + slope * abs(x) * s * rest) * amplified + lost


def is_product(spec: Activation) -> bool:
    """Whether what is flushed to 0 may be multiplied by z afterwards."""
    return isinstance(spec, GELU | SiLU)


def faults(wing: Backend, spec: Activation, z: np.ndarray, cotangent: np.ndarray) -> list[str]:
    """The elements at which a value or a gradient is away from the exact one by more than its
    bound.
    """
    found = probe_with(wing, spec, z, cotangent)
    info = np.finfo(z.dtype)
    # what is below it may be flushed to 0
    eps = Decimal(float(info.eps))
    underflow = Decimal(float(info.smallest_normal))
    wrong = []
    with localcontext(Context(prec=60, traps=[])):
        for index in np.ndindex(z.shape):
            value, derivative = exact(spec, float(z[index]))
            factor = Decimal(float(cotangent[index]))
            flushed = (
                underflow
                * max(1, abs(factor))
                * max(1, abs(Decimal(float(z[index]))) if is_product(spec) else 1)
            )
            of_value, of_derivative = sizes(spec, float(z[index]), value, derivative, eps)
            expected = {
                "value": (value, of_value),
                "gradient": (factor * derivative, abs(factor) * of_derivative),
            }
            for name, (number, size) in expected.items():
                error = abs(Decimal(float(found[name][index])) - number)
                if not error <= ULPS * eps * size + flushed:
                    wrong.append(
                        f"{name} at {z[index]!r}: {found[name][index]!r} for {float(number)!r}"
                    )
    return wrong


def probe_with(
    backend: Backend, spec: Activation, z: np.ndarray, cotangent: np.ndarray
) -> dict[str, np.ndarray]:
    return backend.activation.probe(spec, {"z": z, "cotangent": cotangent})


def awkward(precision: str) -> np.ndarray:
    """Powers of ten down to the smallest, points around every edge, and even steps between them:
    [1, point].
    """
    powers = 10.0 ** np.arange(SMALLEST[precision], 0, 3)
    # a half of it may be flushed on the way
    smallest = np.finfo(precision).smallest_normal * np.linspace(1, 5, 17)
    near = np.concatenate([powers, smallest])
    return np.concatenate([NEAR, FAR, near, -near, np.linspace(-45, 45, 181)]).astype(precision)[
        None
    ]


def elements(precision: str) -> st.SearchStrategy[float]:
    """Numbers of any size up to 700, small ones as often as large ones, of both signs."""
    near = st.floats(SMALLEST[precision], -1).map(lambda exponent: 10.0**exponent)
    return st.one_of(near, near.map(lambda z: -z), floats(-700, 700, NEAR + FAR + [0.0, -0.0]))
