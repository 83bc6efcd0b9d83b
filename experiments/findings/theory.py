r"""What mean-field theory says of a plain network's gradient before its first step.

Many units, weights drawn apart.

With s_l^2 = n_{l-1} Var[W_l], b_l^2 the variance of a bias, and z ~ N(0, 1), the mean square of
what the activation phi of layer l gets, and the factor of the gradient's mean square from the
output of layer l back to that of layer l - 1, are

    q_l = s_l^2 m_{l-1} + b_l^2
    m_l = E[phi(sqrt(q_l) z)^2]
    c_l = Var[W_l] n_l E[phi'(sqrt(q_l) z)^2]

where m_0 is the mean square of the input. The gradient of layer l is then sqrt(c_{l+1} ... c_L)
times that of the last one. A network with n units a layer, L layers deep, is below it by a factor
that grows with L / n (Hanin and Nica 2020).

Sources: Poole et al. 2016, eq. 3; Schoenholz et al. 2017, eq. 7.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import numpy as np

from backends.numpy import activation as definition
from common.architectures import Perceptron
from common.countermeasures.activation import Activation, PReLU
from common.countermeasures.initialization import (
    Constant,
    Initialization,
    bias_bound,
    law_of,
    standard_deviation,
)
from common.plan import Plan

PANELS = 30
NODES = 20
END = 10.0
"""Gauss-Legendre on panels that halve towards 0, where activations have kinks, and are steep where
q is large."""


def gradient_share(plan: Plan) -> list[float] | None:
    """The gradient of each hidden layer as a share of the last one's; None where theory is silent.

    It says nothing of recurrent cells, of normalizations and skip connections, of constant weights,
    and of input that is not standardized, whose mean square it does not know.
    """
    network = plan.network
    if (
        not isinstance(network, Perceptron)
        or not network.weights_decide
        or plan.task.standardized == "no"
    ):
        return None
    starts = [plan.initialization_of(f"layer {number}") for number in range(1, network.depth + 1)]
    if any(isinstance(law_of(start), Constant) for start in starts):
        return None
    factors = _factors(network, starts)
    with np.errstate(over="ignore", under="ignore"):
        shares = np.sqrt(np.cumprod([1.0, *reversed(factors[1:])])[::-1])
    return shares.tolist()


def _factors(network: Perceptron, starts: list[Initialization]) -> list[float]:
    """c_l of each layer."""
    square, factors = 1.0, []
    for inputs, units, start in zip(
        (network.features, *network.widths[:-1]), network.widths, starts, strict=True
    ):
        variance = standard_deviation(start, inputs, units) ** 2
        q = inputs * variance * square + _variance_of_bias(start, inputs)
        square, slope = _moments(network.activation, q)
        factors.append(units * variance * slope)
    return factors


def _variance_of_bias(start: Initialization, inputs: int) -> float:
    return 0.0 if law_of(start).bias == 0 else bias_bound(inputs) ** 2 / 3


def _moments(spec: Activation, q: float) -> tuple[float, float]:
    """E[phi^2] and E[phi'^2] where the activation gets normal numbers of the mean square q."""
    z, density = _nodes()
    slope = spec.initial_slope if isinstance(spec, PReLU) else 0.0
    phi = definition.build(spec)
    x = math.sqrt(q) * z
    value = phi(x, slope)
    derivative = phi.derivative(x, value, slope)
    return float(density @ value**2), float(density @ derivative**2)


@cache
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Nodes, and weights with the normal density in them."""
    edges = [0.0, *(END / 2**k for k in reversed(range(PANELS)))]
    x, w = np.polynomial.legendre.leggauss(NODES)
    halves = [(b - a) / 2 for a, b in pairwise(edges)]
    right = np.concatenate([a + h * (x + 1) for a, h in zip(edges, halves, strict=False)])
    weights = (
        np.concatenate([h * w for h in halves]) * np.exp(-(right**2) / 2) / math.sqrt(2 * math.pi)
    )
    return np.concatenate([right, -right]), np.concatenate([weights, weights])
