"""Cases are filled from what was captured, whatever the order of its axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.causes import (
    backward_case,
    explain,
    forward_case,
    loss_case,
    statistics_case,
    step_case,
)
from experiments.causes._definition import forward


def place(path: str, kind: str, value: np.ndarray, *inputs: np.ndarray, **more: Any) -> Any:
    layout = more.pop("layout", list(range(value.ndim)))
    norms = {"rms": 1.0, "mean": 0.0, "gradient": None, "dead": None, "finite": True}
    usual = {
        "call": 0,
        "leaf": 0,
        "start": 0,
        "end": 0,
        "inner": True,
        "type": "",
        "config": {},
        "gradient": None,
    }
    own = {
        "path": path,
        "kind": kind,
        "output": value,
        "inputs": list(inputs),
        "layout": layout,
        "norms": norms,
    }
    return usual | {"shape": list(value.shape), "dtype": str(value.dtype)} | own | more


def captured(
    backend: str, places: list[Any], layers: dict[str, Any] | None = None, **more: Any
) -> Any:
    usual = {
        "backend": backend,
        "precision": "float64",
        "loss": 1.0,
        "x": np.zeros(1),
        "y": None,
        "output": None,
    }
    return (
        usual
        | {"output_gradient": None, "places": places, "layers": layers or {}, "optimizer": None}
        | more
    )


def layer(
    kind: str,
    config: dict[str, Any],
    statistics: dict[str, np.ndarray] | None = None,
    **parameters: np.ndarray,
) -> Any:
    full = {
        "type": "",
        "kind": kind,
        "config": config,
        "parameters": parameters,
        "statistics": statistics or {},
    }
    return full | {"gradients": {}, "names": {}, "trainable": dict.fromkeys(parameters, True)}


def test_a_case_is_filled_from_captures_in_the_canonical_layout() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 8, 8, 3))
    weight = rng.normal(size=(3, 3, 3, 4))
    config = {"stride": [2, 2], "padding": [[1, 1], [1, 1]]}
    mine, its = (
        forward("convolution", config | more, {"weight": weight}, {}, [x])
        for more in ({}, {"padding": "same"})
    )
    first = [0, 2, 3, 1]
    of_torch = place(
        "conv",
        "convolution",
        np.moveaxis(mine, -1, 1),
        np.moveaxis(x, -1, 1),
        layout=first,
        config=config,
    )
    of_keras = place("conv2d", "convolution", its, x, config=config | {"padding": [[0, 1], [0, 1]]})
    sides = (
        captured("torch", [of_torch], {"conv": layer("convolution", {}, weight=weight)}),
        captured("keras", [of_keras]),
    )
    found = explain(forward_case(*sides, of_torch, of_keras))
    assert [(each.key, each.path) for each in found] == [("convolution.padding", "conv")]
    assert found[0].cure == "keras.layers.ZeroPadding2D(((1, 1), (1, 1)))"


def test_a_flattening_is_read_in_the_order_of_its_framework() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4, 5, 2))
    first = [0, 2, 3, 1]
    turned = np.moveaxis(x, -1, 1)
    pool = place("pool", "pooling", turned, layout=first)
    flat = place("flatten", "flatten", turned.reshape(3, -1), turned)
    fc = place("fc", "affine", np.zeros((3, 2)), turned.reshape(3, -1))
    its = place("flatten", "flatten", x.reshape(3, -1), x)
    dense = place("dense", "affine", np.zeros((3, 2)), x.reshape(3, -1))
    sides = captured("torch", [pool, flat, fc]), captured("keras", [its, dense])
    between: dict[str, Any] = {"between_reference": [flat], "between_port": [its], "agreed": [pool]}
    assert [each.key for each in explain(forward_case(*sides, fc, dense, **between))] == [
        "order.flatten"
    ]


def test_the_end_of_the_model_is_a_place_too() -> None:
    x = np.random.default_rng(0).normal(size=(6, 8))
    mine = np.maximum(x, 0)
    its = x
    relu = place("relu", "activation", mine, x, config={"name": "relu"})
    sides = captured("torch", [relu], output=mine), captured("jax", [], output=its)
    found = explain(forward_case(*sides, None, None, between_reference=[relu], dialect="nnx"))
    assert [(each.key, each.path, each.cure) for each in found] == [
        ("activation.missing", "relu", "jax.nn.relu(x)")
    ]


def test_steps_are_filled_by_the_paths_of_both() -> None:
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(4, 5))
    gradient = rng.normal(size=(4, 5))

    def step(path: str, rate: float) -> Any:
        return {
            "loss": 1.0,
            "gradients": {path: {"weight": gradient}},
            "parameters": {path: {"weight": weight - rate * gradient}},
        }

    mine = captured(
        "torch",
        [],
        {"fc": layer("affine", {}, weight=weight)},
        optimizer={"kind": "sgd", "rate": 0.1},
    )
    its = captured("keras", [], {"dense": layer("affine", {}, weight=weight)})
    case = step_case(mine, its, [step("fc", 0.1)], [step("dense", 0.01)], {"fc": "dense"})
    assert [each.key for each in explain(case)] == ["optimizer.rate"]


def test_a_loss_is_filled_from_captures() -> None:
    z = np.random.default_rng(0).normal(size=(6, 4))
    y = np.array([0, 1, 2, 3, 0, 1])
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    loss = float(-np.log(p[np.arange(6), y]).mean())
    gradient = (p - np.eye(4)[y]) / 6
    mine = captured("torch", [], output=z, y=y, loss=loss, output_gradient=gradient)
    its = captured("keras", [], output=z, y=y, loss=6 * loss, output_gradient=6 * gradient)
    assert [each.key for each in explain(loss_case(mine, its))] == ["loss.reduction"]


def test_a_cut_gradient_is_filled_from_captures() -> None:
    x = np.random.default_rng(0).normal(size=(6, 4))
    mine = place("fc", "affine", x, gradient=x + 1)
    its = place("dense", "affine", x)
    case = backward_case(captured("torch", [mine]), captured("keras", [its]), mine, its)
    assert [each.key for each in explain(case)] == ["gradient.detached"]


def test_running_statistics_are_filled_from_captures() -> None:
    x = np.random.default_rng(0).normal(size=(8, 3)) + 1
    old = {"mean": np.array([0.1, 0.2, 0.3]), "variance": np.array([1.0, 2.0, 3.0])}
    sides, places = [], []
    for backend, path, share in (("torch", "bn", 0.9), ("keras", "norm", 0.99)):
        where = place(path, "batch_norm", x, x, config={"epsilon": 1e-5, "batch": True})
        new = {
            name: share * old[name] + (1 - share) * now
            for name, now in (("mean", x.mean(0)), ("variance", x.var(0)))
        }
        sides.append(
            captured(backend, [where], {path: layer("batch_norm", {}, old)}, statistics={path: new})
        )
        places.append(where)
    found = explain(statistics_case(sides[0], sides[1], places[0], places[1]))
    assert [each.key for each in found] == ["running.momentum"]
    assert found[0].cure == "keras.layers.BatchNormalization(momentum=0.9)"
