"""Recurrent cells, one step of time as defined, with the gradient derived by hand.

Arrays of all gates have their axis after the seeds', [seed, gate, batch, unit].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import numpy as np

from backends.numpy import activation
from backends.numpy.block import Backward, Layer, Site, block
from backends.numpy.network import back_through_time, through_time
from backends.numpy.rounding import EXACT, Exact
from common.countermeasures.activation import Activation, Sigmoid, Tanh
from common.countermeasures.recurrent import GRU, LSTM, Cell, SimpleRNN, Step
from common.network import Arrays

NATIVE: dict[str, str] = {}

Gate = Callable[[np.ndarray], np.ndarray]
"""From the gradient of a gate, [seed, batch, unit], to that of what goes into it."""


Sequence = Callable[[np.ndarray, Arrays], tuple[np.ndarray, Backward]]
"""From x [batch, time, feature] and parameters by name to outputs [batch, time, unit], and the way
back."""


def build(spec: Cell, function: Activation | None = None) -> Sequence:
    """The cells over a sequence, with the activation, by default tanh."""

    def forward(x: np.ndarray, parameters: Arrays) -> tuple[np.ndarray, Backward]:
        step = Step(spec, parameters["weight"].shape[-1], (function or Tanh(),))
        of_one_seed = {name: a[None] for name, a in parameters.items()}
        run = through_time(step.carried, layer(step), of_one_seed, x[None], 0, training=True)

        def backward(cotangent: np.ndarray) -> tuple[np.ndarray, Arrays]:
            back = back_through_time(run, list(np.moveaxis(cotangent[None], 2, 0)), EXACT)
            return back.cotangent[0], {name: a[0, 0] for name, a in back.gradients.items()}

        return np.stack([site.h[0] for site in run.sites], axis=1), backward

    return forward


def layer(spec: Step, rounding: Exact = EXACT) -> Layer:
    """One step of x [seed, batch, unit] and of what the step before handed on."""
    activate = block(spec.inner, rounding)
    match spec.spec:
        case SimpleRNN():
            return lambda x, site: _simple(x, site, activate, rounding)
        case LSTM():
            return lambda x, site: _lstm(x, site, activate, rounding)
        case GRU():
            return lambda x, site: _gru(x, site, activate, rounding)
        case _:
            assert_never(spec.spec)


def _simple(x: np.ndarray, site: Site, activate: Layer, r: Exact) -> tuple[np.ndarray, Backward]:
    p, (h,) = site.parameters, site.carried
    pre = _sum(_mapped(x, p["input_weight"], r), _mapped(h, p["weight"], r), p["bias"], r)
    after, way = activate(pre[:, 0], site)
    site.carried = (after,)

    def backward(c: np.ndarray) -> tuple[np.ndarray, Arrays]:
        dz, _ = way(c)
        into = dz[:, None]
        site.back = (_back(into, p["weight"], r),)
        return _back(into, p["input_weight"], r), _gradients(x, h, into, into, r)

    return after, backward


def _lstm(x: np.ndarray, site: Site, activate: Layer, r: Exact) -> tuple[np.ndarray, Backward]:
    p, (h, c) = site.parameters, site.carried
    pre = _sum(_mapped(x, p["input_weight"], r), _mapped(h, p["weight"], r), p["bias"], r)
    (i, to_i), (f, to_f), (o, to_o) = (_gate(pre[:, gate], r) for gate in (0, 1, 3))
    g, to_g = activate(pre[:, 2], site)
    kept = r.add(r(f * c), r(i * g))
    y, to_kept = activate(kept, site)
    after = r(o * y)
    site.carried = (after, kept)

    def backward(dh: np.ndarray) -> tuple[np.ndarray, Arrays]:
        (dc,) = site.back
        through, _ = to_kept(r(dh * o))
        dc = r.add(dc, through)
        dg, _ = to_g(r(dc * i))
        into = np.stack([to_i(r(dc * g)), to_f(r(dc * c)), dg, to_o(r(dh * y))], axis=1)
        site.back = (_back(into, p["weight"], r), r(dc * f))
        return _back(into, p["input_weight"], r), _gradients(x, h, into, into, r)

    return after, backward


def _gru(x: np.ndarray, site: Site, activate: Layer, r: Exact) -> tuple[np.ndarray, Backward]:
    p, (h,) = site.parameters, site.carried
    of_x = _mapped(x, p["input_weight"], r)
    of_h = _mapped(h, p["weight"], r)
    pre = _sum(of_x[:, :2], of_h[:, :2], p["bias"][:, :2], r)
    (reset, to_reset), (z, to_z) = (_gate(pre[:, gate], r) for gate in (0, 1))
    own = r(of_h[:, 2] + p["recurrent_bias"][:, None])
    n, to_n = activate(r.add(r(of_x[:, 2] + p["bias"][:, 2, None]), r(reset * own)), site)
    after = r.add(r((1 - z) * n), r(z * h))
    site.carried = (after,)

    def backward(dh: np.ndarray) -> tuple[np.ndarray, Arrays]:
        dn, _ = to_n(r(dh * (1 - z)))
        dr = to_reset(r(dn * own))
        dz = to_z(r(dh * r.add(h, -n)))
        down = r(dn * reset)
        into_x = np.stack([dr, dz, dn], axis=1)
        into_h = np.stack([dr, dz, down], axis=1)
        site.back = (r.add(r(dh * z), _back(into_h, p["weight"], r)),)
        gradients = _gradients(x, h, into_x, into_h, r) | {"recurrent_bias": r.sum(down, 1)}
        return _back(into_x, p["input_weight"], r), gradients

    return after, backward


def _gate(z: np.ndarray, r: Exact) -> tuple[np.ndarray, Gate]:
    """The logistic function of z, and the way back through it."""
    function = activation.build(Sigmoid())
    y = r(function(z))
    return y, lambda c: r(c * r(function.derivative(z, y)))


def _mapped(x: np.ndarray, weight: np.ndarray, r: Exact) -> np.ndarray:
    """What the weights [seed, gate, n_in, unit] of all gates make of x [seed, batch, n_in]."""
    return r.product(x[:, None], weight)


def _sum(of_x: np.ndarray, of_h: np.ndarray, bias: np.ndarray, r: Exact) -> np.ndarray:
    return r(r.add(of_x, of_h) + bias[:, :, None])


def _back(into: np.ndarray, weight: np.ndarray, r: Exact) -> np.ndarray:
    """The gradient [seed, batch, n_in] of what all gates are made of."""
    return r.sum(r.product(into, weight.swapaxes(-1, -2)), 1)


def _gradients(
    x: np.ndarray, h: np.ndarray, into_x: np.ndarray, into_h: np.ndarray, r: Exact
) -> Arrays:
    """Those of the weights and biases, by the gradients of the maps of x and of h."""
    return {
        "input_weight": r.product(x[:, None].swapaxes(-1, -2), into_x),
        "weight": r.product(h[:, None].swapaxes(-1, -2), into_h),
        "bias": r.sum(into_x, 2),
    }


def probe(spec: Cell, inputs: Arrays, function: Activation) -> Arrays:
    """Outputs and gradients of cells over a sequence.

    Args:
        spec: The cell.
        inputs: `x` [batch, time, feature], `cotangent` [batch, time, unit] of the outputs, and the
            parameters of `common.countermeasures.recurrent.Step`.
        function: The activation.

    Returns:
        `value` [batch, time, unit]; `gradient` with respect to x; and that of every parameter, as
        `weight_gradient`.
    """
    parameters = {name: a for name, a in inputs.items() if name not in ("x", "cotangent")}
    value, backward = build(spec, function)(inputs["x"], parameters)
    gradient, found = backward(inputs["cotangent"])
    return {
        "value": value,
        "gradient": gradient,
        **{f"{name}_gradient": a for name, a in found.items()},
    }
