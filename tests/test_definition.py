"""The NumPy wing against what it is defined by: difference quotients in extended precision, and
formulas written out here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backends.numpy.block import Backward, Layer, Site
from backends.numpy.training import Program
from common.countermeasures.activation import Activation
from common.network import Arrays, Gradients, State
from tests.compared import gradient_error, scaled_error
from tests.derived import (
    ERROR,
    SIZES,
    H,
    Maker,
    assert_derived_by_hand,
    batch_of,
    elements,
    loss_of,
    start_of,
    stepped,
)
from tests.strategies import every, label

LR = 0.1
over_activations = pytest.mark.parametrize("activation", every(Activation), ids=label)
over_normalizations = pytest.mark.parametrize("normalization", ["none", "batch"])


@over_activations
@over_normalizations
@pytest.mark.parametrize("width", [1, 4])
def test_the_gradient_derived_by_hand_is_the_difference_quotient(
    plan: Maker, activation: Activation, normalization: str, width: int
) -> None:
    # a weight near 0 makes batch norm of one unit too steep for a difference quotient; seed 7 draws
    # none
    seeds = (7,) if width == 1 else (0, 1)
    small = plan(
        **SIZES | {"width": width, "seeds": seeds},
        activation=activation,
        normalization=normalization,
    )
    assert_derived_by_hand(small)


def pushed(block: Layer, layer: int, added: np.ndarray) -> Layer:
    """The block, with something added to the output of one layer."""

    def forward(x: np.ndarray, site: Site) -> tuple[np.ndarray, Backward]:
        y, backward = block(x, site)
        return (y + added if site.number == layer else y), backward

    return forward


@over_activations
@over_normalizations
def test_the_signal_gradient_is_the_difference_quotient_times_the_batch_size(
    plan: Maker, activation: Activation, normalization: str
) -> None:
    small = plan(**SIZES, activation=activation, normalization=normalization)
    signal = np.stack(stepped(small, np.longdouble)[0].last[1], axis=1)
    batch = batch_of(small)
    program = Program(small, "cpu", np.longdouble)
    expected = np.zeros_like(signal)
    program.load(start_of(small))
    blocks = program.network.blocks
    for _, layer, *unit in elements(signal):
        added = np.zeros((2, 5, 4), np.longdouble)
        losses = []
        for h in (H, -H):
            added[:, *unit] = h
            program.network.blocks = [pushed(block, layer, added) for block in blocks]
            losses.append(loss_of(program, batch))
        expected[:, layer, *unit] = 5 * (losses[0] - losses[1]) / (2 * H)
    assert np.abs(signal - expected).max() <= ERROR * np.abs(signal).max()


def without(gradients: Gradients, names: tuple[str, ...]) -> Gradients:
    """The gradients but for those of some parameters."""
    kept = lambda arrays: {name: a for name, a in arrays.items() if name not in names}  # noqa: E731
    return replace(
        gradients, parameters=kept(gradients.parameters), clipped=kept(gradients.clipped)
    )


@over_activations
@over_normalizations
def test_float64_agrees_with_extended_precision(
    plan: Maker, activation: Activation, normalization: str
) -> None:
    small = plan(
        **SIZES,
        activation=activation,
        normalization=normalization,
        clipping={"kind": "norm", "threshold": 0.1},
    )
    (a, _), (b, _) = stepped(small), stepped(small, np.longdouble)
    # the next batch norm takes away what a shift before an identity adds: its gradient is rounding
    left_out = ("first.shift", "hidden.shift") if activation.kind == "identity" else ()
    assert (
        gradient_error(without(a.gradients(), left_out), without(b.gradients(), left_out)) <= 1e-13
    )
    for found, expected in (
        (a.state().parameters, b.state().parameters),
        (a.state().statistics, b.state().statistics),
    ):
        for name, value in expected.items():
            assert scaled_error(found[name], value) <= 1e-13, name
    x = batch_of(small).x
    assert scaled_error(a.predict(x), b.predict(x)) <= 1e-13


def test_hidden_layers_with_batch_norm_have_no_bias(plan: Maker) -> None:
    program, _ = stepped(plan(**SIZES, normalization="batch"))
    kinds = {"weight", "scale", "shift"}
    assert set(program.last[2]) == {f"{s}.{k}" for s in ("first", "hidden") for k in kinds} | {
        "output.weight",
        "output.bias",
    }
    assert "hidden.bias" in stepped(plan(**SIZES))[0].last[2]


def test_running_statistics_keep_nine_tenths_of_the_old_and_take_the_biased_variance(
    plan: Maker,
) -> None:
    small = plan(**SIZES, normalization="batch")
    start = start_of(small)
    x = batch_of(small).x
    program, _ = stepped(small)
    z = np.einsum("sbi,sio->sbo", x, start.parameters["first.weight"][:, 0])
    found = program.state().statistics
    mean = z.sum(1) / 5
    variance = ((z - z.sum(1, keepdims=True) / 5) ** 2).sum(1) / 5
    assert np.allclose(
        found["first.mean"][:, 0],
        0.9 * start.statistics["first.mean"][:, 0] + 0.1 * mean,
        rtol=1e-14,
    )
    assert np.allclose(
        found["first.variance"][:, 0],
        0.9 * start.statistics["first.variance"][:, 0] + 0.1 * variance,
        rtol=1e-14,
    )
    assert found["hidden.mean"].shape == (2, 2, 4)


def by_hand(
    state: State, x: np.ndarray, depth: int, running: bool
) -> tuple[list[np.ndarray], np.ndarray]:
    """Outputs of all hidden layers and logits of a tanh network with batch norm, written out; one
    seed at a time.
    """
    p = state.parameters
    s = state.statistics
    h = x
    outputs = []
    for layer in range(depth):
        stack, i = ("first", 0) if layer == 0 else ("hidden", layer - 1)
        at = lambda arrays, name: arrays[f"{stack}.{name}"][:, i, None]  # noqa: B023, E731
        z = h @ p[f"{stack}.weight"][:, i]
        mean = at(s, "mean") if running else z.mean(1, keepdims=True)
        variance = at(s, "variance") if running else z.var(1, keepdims=True)
        h = np.tanh(at(p, "scale") * (z - mean) / np.sqrt(variance + 1e-5) + at(p, "shift"))
        outputs.append(h)
    return outputs, h @ p["output.weight"][:, 0] + p["output.bias"]


def test_evaluation_uses_the_running_statistics_and_does_not_depend_on_the_other_samples(
    plan: Maker,
) -> None:
    small = plan(**SIZES, normalization="batch")
    program, _ = stepped(small)
    x = np.random.default_rng(5).normal(size=(2, 7, 3))
    found = program.predict(x)
    assert scaled_error(found, by_hand(program.state(), x, 3, running=True)[1]) <= 1e-14
    assert scaled_error(program.predict(x[:, :1]), found[:, :1]) <= 1e-14


def rms(x: np.ndarray) -> np.ndarray:
    return np.sqrt((x**2).mean((2, 3)))


def weights(arrays: Arrays) -> np.ndarray:
    return np.stack([rms(arrays["first.weight"])[:, 0], *rms(arrays["hidden.weight"]).T], axis=1)


CLIPPINGS = {
    "none": lambda g, norm, all_norm: g,
    "value": lambda g, norm, all_norm: np.sign(g) * np.minimum(np.abs(g), 0.01),
    "norm": lambda g, norm, all_norm: g * np.minimum(1, 0.01 / norm),
    "global_norm": lambda g, norm, all_norm: (
        g * np.minimum(1, 0.01 / all_norm.reshape(-1, *[1] * (g.ndim - 1)))
    ),
}


@pytest.mark.parametrize("kind", CLIPPINGS)
def test_the_quantities_are_what_their_definitions_say(plan: Maker, kind: str) -> None:
    clipping = {"kind": kind} | ({} if kind == "none" else {"threshold": 0.01})
    small = plan(**SIZES, normalization="batch", clipping=clipping, learning_rate=LR)
    start = start_of(small)
    program, step = stepped(small)
    found = program.measured(step)
    g = program.gradients()
    after = program.state().parameters
    norms = {
        n: np.sqrt((a**2).sum(tuple(range(2, a.ndim)), keepdims=True))
        for n, a in g.parameters.items()
    }
    all_norm = np.sqrt(sum((a**2).reshape(2, -1).sum(1) for a in g.parameters.values()))
    clipped = {n: CLIPPINGS[kind](a, norms[n], all_norm) for n, a in g.parameters.items()}
    outputs = np.stack(by_hand(start, batch_of(small).x, 3, running=False)[0], axis=1)
    expected = {
        "loss": g.loss,
        "signal_gradient_rms": rms(g.signal),
        "weight_gradient_rms": weights(g.parameters),
        "clipped_weight_gradient_rms": weights(clipped),
        "update_ratio": weights({n: LR * a for n, a in clipped.items()})
        / weights(start.parameters),
        "activation_mean": outputs.mean((2, 3)),
        "activation_rms": rms(outputs),
        "dead_fraction": np.zeros((2, 3)),
    }
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert np.allclose(found[name], value, rtol=1e-12, atol=1e-15), name
    for name, a in after.items():
        assert np.allclose(a, start.parameters[name] - LR * clipped[name], rtol=0, atol=1e-15), name
    assert (
        kind == "none"
        or (found["clipped_weight_gradient_rms"] < 0.5 * found["weight_gradient_rms"]).all()
    )
