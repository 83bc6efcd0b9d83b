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
from typing import NamedTuple

import numpy as np

from backends.numpy.activation import probe
from common.countermeasures.activation import Activation
from common.countermeasures.initialization import Initialization, bias_bound, standard_deviation
from common.plan import Plan

PANELS, NODES, END = 30, 20, 10.0
"""Gauss-Legendre on panels that halve towards 0, where activations have kinks, and are steep where
q is large."""


def gradient_share(plan: Plan) -> list[float] | None:
    """The gradient of each hidden layer as a share of the last one's; None where theory is silent.

    It says nothing of recurrent cells, of normalizations and skip connections, of constant weights,
    and of input that is not standardized, whose mean square it does not know.
    """
    stacks = plan.network.measured()
    recurrent = any(stack.recurrent for stack in stacks)
    if recurrent or not plan.network.weights_decide or plan.task.standardized == "no":
        return None
    layers = [
        _Layer(plan.initialization_of(name), stack.inputs, stack.outputs)
        for stack in stacks
        for name in stack.layers
    ]
    if any(layer.deviation == 0 for layer in layers):
        return None
    factors = _factors(layers, plan.network.activation)
    with np.errstate(over="ignore", under="ignore"):
        shares = np.sqrt(np.cumprod([1.0, *reversed(factors[1:])])[::-1])
    return shares.tolist()


class _Layer(NamedTuple):
    start: Initialization
    inputs: int
    units: int

    @property
    def deviation(self) -> float:
        """Of a weight."""
        return standard_deviation(self.start, self.inputs, self.units)

    @property
    def variance_of_bias(self) -> float:
        return 0.0 if self.start.bias == 0 else bias_bound(self.inputs) ** 2 / 3


def _factors(layers: list[_Layer], activation: Activation) -> list[float]:
    """c_l of each layer."""
    square = 1.0
    factors = []
    for layer in layers:
        variance = layer.deviation**2
        q = layer.inputs * variance * square + layer.variance_of_bias
        square, slope = _moments(activation, q)
        factors.append(layer.units * variance * slope)
    return factors


def _moments(spec: Activation, q: float) -> tuple[float, float]:
    """E[phi^2] and E[phi'^2] where the activation gets normal numbers of the mean square q."""
    z, density = _nodes()
    found = probe(spec, {"z": math.sqrt(q) * z, "cotangent": np.ones_like(z)})
    return float(density @ found["value"] ** 2), float(density @ found["gradient"] ** 2)


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
