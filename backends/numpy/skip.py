"""Skip connections, as defined, with their gradients derived by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import numpy as np

from backends.numpy import activation
from backends.numpy.block import Backward, Layer, Site, block
from backends.numpy.rounding import EXACT, Exact
from common.countermeasures.activation import Sigmoid
from common.countermeasures.skip import Around, Highway, NoSkip, Residual, ReZero, Skip
from common.network import Arrays

NATIVE: dict[str, str] = {}

Joined = tuple[np.ndarray, Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, Arrays]]]
"""What comes out of a connection; and from its gradient that of the layer's output, of its input,
and of the own parameters."""

Connection = Callable[[np.ndarray, np.ndarray, Arrays], Joined]
"""From F(x), x [seed, batch, unit] and parameters [seed, ...] by name."""


def build(spec: Skip, rounding: Exact = EXACT) -> Connection:
    """The connection, given what the layer computes."""
    r = rounding
    match spec:
        case NoSkip():
            return lambda f, x, p: (f, lambda c: (c, np.zeros_like(x), {}))
        case Residual(scale=scale):
            return lambda f, x, p: (r.add(x, r(scale * f)), lambda c: (r(scale * c), c, {}))
        case ReZero():
            return lambda f, x, p: _rezero(f, x, p["skip_scale"][..., None, None], r)
        case Highway():
            return lambda f, x, p: _highway(f, x, p, r)
        case _:
            assert_never(spec)


def _rezero(f: np.ndarray, x: np.ndarray, scale: np.ndarray, r: Exact) -> Joined:
    def backward(c: np.ndarray) -> tuple[np.ndarray, np.ndarray, Arrays]:
        return r(scale * c), c, {"skip_scale": r.sum(r(c * f), (-2, -1))}

    return r.add(x, r(scale * f)), backward


def _highway(f: np.ndarray, x: np.ndarray, p: Arrays, r: Exact) -> Joined:
    weight = p["gate_weight"]
    gate = activation.build(Sigmoid())
    g = r(r.product(x, weight) + p["gate_bias"][..., None, :])
    t = r(gate(g))

    def backward(c: np.ndarray) -> tuple[np.ndarray, np.ndarray, Arrays]:
        along = r(c * r.add(f, -x))
        dg = r(along * r(gate.derivative(g, t)))
        own = {"gate_weight": r.product(x.swapaxes(-1, -2), dg), "gate_bias": r.sum(dg, -2)}
        return r(t * c), r.add(r((1 - t) * c), r.product(dg, weight.swapaxes(-1, -2))), own

    return r.add(r(t * f), r((1 - t) * x)), backward


def layer(spec: Around, rounding: Exact = EXACT) -> Layer:
    """The parts of a layer with a connection past them, with the gradient."""
    inner = block(spec.inner, rounding)
    connect = build(spec.spec, rounding)
    r = rounding

    def forward(x: np.ndarray, site: Site) -> tuple[np.ndarray, Backward]:
        f, way = inner(x, site)
        y, apart = connect(f, x, site.parameters)

        def backward(cotangent: np.ndarray) -> tuple[np.ndarray, Arrays]:
            of_layer, past, own = apart(cotangent)
            through, gradients = way(of_layer)
            return r.add(through, past), gradients | own

        return y, backward

    return forward


def probe(spec: Skip, inputs: Arrays) -> Arrays:
    """Value and gradient of a connection past an affine map without bias.

    Args:
        spec: The connection.
        inputs: `x` and `cotangent` [batch, unit], `weight` [unit, unit] of the map, and what is
            trained of the connection.

    Returns:
        `value`; `gradient` with respect to x; `weight_gradient`, and that of every parameter of the
        connection.
    """
    x, weight = inputs["x"], inputs["weight"]
    value, apart = build(spec)(x @ weight, x, inputs)
    of_layer, past, own = apart(inputs["cotangent"])
    gradients = {f"{name}_gradient": gradient for name, gradient in own.items()}
    return {
        "value": value,
        "gradient": of_layer @ weight.T + past,
        "weight_gradient": x.T @ of_layer,
        **gradients,
    }
