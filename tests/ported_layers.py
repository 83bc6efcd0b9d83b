"""Faults of a port in single layers, planted in NumPy: norms, activations, maps, convolutions,
pools and resampling.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import erf, expit

from experiments.causes import Side
from tests.ported_bench import Bench, computed


def normalizations(b: Bench) -> None:
    x = b.draw(5, 4, 6, 8) * 0.7 + b.draw(8)
    arrays = {"scale": b.draw(8) + 2, "shift": b.draw(8)}
    statistics = {"mean": b.draw(8), "variance": np.exp(b.draw(8))}
    batch = b.side(
        "batch_norm", {"epsilon": 1e-5, "batch": True, "momentum": 0.9}, x, **arrays, **statistics
    )
    b.changed("batch norm's epsilon of Keras", "normalization.epsilon", batch, epsilon=1e-3)
    b.changed("batch norm in evaluation", "normalization.evaluation", batch, batch=False)
    b.held("batch norm without scale", "normalization.scale", batch, drop="scale")
    b.held("batch norm without shift", "normalization.shift", batch, "scale.bias", drop="shift")
    b.plant("batch norm missing", "normalization.missing", batch, x)
    n = x.size // 8
    unbiased = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) * n / (n - 1) + 1e-5)
    b.plant(
        "unbiased variance",
        "normalization.unbiased",
        batch,
        unbiased * arrays["scale"] + arrays["shift"],
    )
    square = b.draw(5, 8, 6, 8) + b.draw(8)
    turned = b.side("batch_norm", {"epsilon": 1e-5, "batch": True}, square, **arrays)
    moved = np.moveaxis(square, 1, -1)
    normal = (moved - moved.mean((0, 1, 2))) / np.sqrt(moved.var((0, 1, 2)) + 1e-5)
    b.plant(
        "batch norm over axis 1",
        "normalization.axis",
        turned,
        np.moveaxis(normal * arrays["scale"] + arrays["shift"], -1, 1),
    )
    rest = b.side("batch_norm", {"epsilon": 1e-5, "batch": False}, x, **arrays, **statistics)
    b.changed("batch norm in training", "normalization.evaluation", rest, batch=True)
    fresh = computed(replace(rest, statistics={"mean": np.zeros(8), "variance": np.ones(8)}))
    b.plant("running statistics left behind", "normalization.statistics", rest, fresh.output)
    swapped = computed(
        replace(rest, parameters={"scale": arrays["shift"], "shift": arrays["scale"]})
    )
    b.plant("scale and shift swapped", "normalization.order", rest, swapped.output)
    b.changed("epsilon in evaluation", "normalization.epsilon", rest, epsilon=1e-2)
    sequence = b.draw(4, 8, 8) + b.draw(8)
    layer = b.side("layer_norm", {"epsilon": 1e-5, "axes": 1}, sequence, **arrays)
    b.changed("layer norm's epsilon", "normalization.epsilon", layer, epsilon=1e-6)
    b.changed("layer norm over all axes", "normalization.axes", layer, "normalization.kind", axes=2)
    b.plant("layer norm missing", "normalization.missing", layer, sequence)
    root = sequence / np.sqrt(np.mean(sequence**2, -1, keepdims=True) + 1e-5)
    b.plant(
        "rms instead of layer norm",
        "normalization.kind",
        layer,
        root * arrays["scale"] + arrays["shift"],
    )
    plain = b.side("rms_norm", {"epsilon": 1e-6}, sequence, scale=arrays["scale"])
    b.changed("rms norm's epsilon", "normalization.epsilon", plain, epsilon=1e-2)
    b.held("rms norm with 1 + scale", "normalization.offset", plain, scale=arrays["scale"] + 1)
    group = b.side("group_norm", {"epsilon": 1e-5, "groups": 2}, x, **arrays)
    b.changed("four groups", "normalization.groups", group, groups=4)
    b.changed("group norm's epsilon", "normalization.epsilon", group, epsilon=1e-3)


def activations(b: Bench) -> None:
    x = b.draw(6, 20) * 3

    def kind(name: str, **config: Any) -> Side:
        return b.side("activation", {"name": name, **config}, x)

    leaky = kind("leaky_relu", slope=0.01)
    b.changed("Keras' slope", "activation.slope", leaky, slope=0.3)
    b.changed("a slope in float32", "activation.slope", leaky, slope=float(np.float32(0.01)))
    b.plant("relu for leaky relu", "activation.kind", leaky, np.maximum(x, 0))
    b.plant("leaky relu missing", "activation.missing", leaky, x)
    relu = kind("relu")
    b.plant("relu missing", "activation.missing", relu, x)
    b.plant("relu6 for relu", "activation.kind", relu, np.clip(x, 0, 6))
    b.plant("tanh for relu", "activation.kind", relu, np.tanh(x))
    b.plant("slope for relu", "activation.slope", relu, np.where(x > 0, x, 0.2 * x))
    exact = kind("gelu", approximate=False)
    tanh = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    b.plant("gelu by tanh", "activation.gelu", exact, tanh)
    b.plant("gelu by sigmoid", "activation.gelu", exact, x * expit(1.702 * x))
    narrow = 0.5 * x * (1 + erf(x / float(np.float32(np.sqrt(2)))))
    b.plant("gelu's constant in float32", "activation.constants", exact, narrow)
    b.plant(
        "exact gelu",
        "activation.gelu",
        kind("gelu", approximate=True),
        0.5 * x * (1 + erf(x / np.sqrt(2))),
    )
    b.changed("another alpha", "activation.alpha", kind("elu", alpha=1.0), alpha=0.5)
    b.plant("silu for mish", "activation.kind", kind("mish"), x * expit(x))
    b.plant("sigmoid twice", "activation.twice", kind("sigmoid"), expit(expit(x)))
    soft = b.side("activation", {"name": "softmax", "axis": -1}, b.draw(5, 6, 7))
    b.changed("softmax over axis 1", "activation.axis", soft, axis=1)
    linear = b.side("affine", {}, b.draw(6, 8), weight=b.draw(8, 9), bias=b.draw(9))
    assert linear.output is not None
    b.plant("an activation too many", "activation.added", linear, np.tanh(linear.output))


def affine(b: Bench) -> None:
    x = b.draw(7, 6)
    weight = b.draw(6, 6)
    bias = b.draw(6)
    other = {"weight": b.draw(6, 6), "bias": b.draw(6)}
    side = b.side("affine", {}, x, weight=weight, bias=bias)
    layer: Any = {
        "type": "",
        "kind": "affine",
        "config": {},
        "parameters": other,
        "gradients": {},
        "statistics": {},
    }
    b.held("affine bias missing", "affine.bias", side, "scale.bias", drop="bias")
    b.held("affine bias twice", "affine.bias_twice", side, "scale.bias", bias=2 * bias)
    b.held("affine transposed", "affine.transposed", side, weight=weight.T)
    b.plant(
        "weights of another layer",
        "weights.swapped",
        side,
        x @ other["weight"] + other["bias"],
        layers={"other": layer},
    )
    b.plant(
        "a weight of another layer",
        "weights.swapped",
        side,
        x @ other["weight"] + bias,
        layers={"other": layer},
    )
    drawn = computed(replace(side, parameters={"weight": b.draw(6, 6), "bias": bias}))
    b.plant("weights that were not carried", "weights.held", side, drawn)
    b.plant("a factor", "scale.factor", side, 1.7 * side.output)  # type: ignore[operator]
    b.plant("float32", "precision.float32", side, _single(side))
    b.plant("bfloat16", "precision.bfloat16", side, _brain(side.output))
    kept = b.rng.random(side.output.shape) > 0.3  # type: ignore[union-attr]
    b.plant("dropout active", "dropout.active", side, side.output * kept / 0.7)  # type: ignore[operator]


def _single(side: Side) -> np.ndarray:
    """Computed in float32."""
    x, weight, bias = (
        a.astype(np.float32)
        for a in (side.inputs[0], side.parameters["weight"], side.parameters["bias"])
    )
    return (x @ weight + bias).astype(np.float64)


def _brain(values: np.ndarray | None) -> np.ndarray:
    """Rounded to 8 bits by frexp, not by the bits."""
    assert values is not None
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.rint(mantissa * 256) / 256, exponent)
