"""Faults of a port in what trains it, planted in NumPy: losses, optimizers, running statistics and
gradients.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from experiments.causes import Case, Side, Steps
from experiments.causes._steps import complete, updates
from tests.ported_bench import Bench, Planted


def stepped(
    config: dict[str, Any] | None,
    gradients: list[dict[str, np.ndarray]],
    start: dict[str, np.ndarray],
    backend: str,
) -> Steps:
    """Steps of this optimiser, on these gradients."""
    assert config is not None
    full = complete(config, backend)
    parameters = [start]
    for count in range(1, len(gradients) + 1):
        so_far = Steps(None, [*parameters, start], gradients[:count])
        moves = updates(full, so_far)[-sum(a.size for a in start.values()) :]
        ends = np.cumsum([a.size for a in start.values()])[:-1]
        parts = zip(start, np.split(moves, ends), strict=True)
        parameters.append(
            {name: parameters[-1][name] + part.reshape(start[name].shape) for name, part in parts}
        )
    return Steps(config, parameters, gradients)


SGD = {"kind": "sgd", "rate": 0.05}
MOMENTUM = {"kind": "sgd", "rate": 0.05, "momentum": 0.9}
ADAM = {"kind": "adam", "rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
CLIP = {"clip": {"global_norm": 1.0}}
OPTIMIZERS: list[tuple[str, str, dict[str, Any], dict[str, Any], tuple[str, ...]]] = [
    ("rate", "optimizer.rate", SGD, {"rate": 0.005}, ("optimizer.dampening",)),
    ("momentum", "optimizer.momentum", SGD, {"momentum": 0.9}, ()),
    ("momentum 0.99", "optimizer.momentum", MOMENTUM, {"momentum": 0.99}, ()),
    ("nesterov", "optimizer.nesterov", MOMENTUM, {"nesterov": True}, ()),
    ("dampening", "optimizer.dampening", MOMENTUM, {"dampening": 0.9}, ()),
    ("adam's epsilon", "optimizer.epsilon", ADAM, {"epsilon": 1e-3}, ()),
    ("beta2", "optimizer.beta2", ADAM, {"beta2": 0.99}, ()),
    ("beta1", "optimizer.beta1", ADAM, {"beta1": 0.5}, ()),
    ("no bias correction", "optimizer.corrected", ADAM, {"corrected": False}, ()),
    ("amsgrad", "optimizer.amsgrad", ADAM, {"amsgrad": True}, ()),
    ("decay decoupled", "optimizer.coupling", ADAM | {"decay": 0.01}, {"decoupled": True}, ()),
    ("decay missing", "optimizer.decay", ADAM | {"decay": 0.01, "decoupled": True}, {"decay": 0.0},
        ()),
    ("decay of 0.004", "optimizer.decay", ADAM | {"decay": 0.01, "decoupled": True},
        {"decay": 0.004}, ()),
    ("decay of 0.0123", "optimizer.decay", ADAM | {"decay": 0.01, "decoupled": True},
        {"decay": 0.0123}, ()),
    ("sgd for adam", "optimizer.kind", ADAM, {"kind": "sgd", "momentum": 0.9, "rate": 0.05}, ()),
    ("momentum in float32", "optimizer.momentum", MOMENTUM, {"momentum": float(np.float32(0.9))},
        ()),
    ("decay of weights only", "optimizer.masked", ADAM | {"decay": 0.01, "decoupled": True},
        {"masked": True}, ()),
    ("clipping missing", "clipping.missing", SGD | CLIP, {"clip": {}}, ("optimizer.schedule",)),
    ("clipping of each parameter", "clipping.scope", SGD | CLIP, {"clip": {"norm": 1.0}}, ()),
    ("clipping by value", "clipping.scope", SGD | CLIP, {"clip": {"value": 1.0}}, ()),
    ("clipping by value at 0.5", "clipping.kind", SGD | CLIP, {"clip": {"value": 0.5}}, ()),
    ("threshold", "clipping.threshold", SGD | CLIP, {"clip": {"global_norm": 5.0}},
        ("optimizer.rate",)),
    ("clipped with the decay", "clipping.order", SGD | CLIP | {"decay": 0.05, "decoupled": False},
        {"clip_last": True}, ()),
    ("the step clipped", "clipping.order", SGD | {"clip": {"value": 0.01}}, {"clip_step": True},
        ("clipping.threshold",)),
    ("clipped adaptively", "clipping.kind", SGD | CLIP, {"clip": {"adaptive": 0.1}}, ()),
    ("nadam", "optimizer.nesterov", ADAM, {"nesterov": True}, ()),
    ("decay that grows", "optimizer.decay", SGD | {"decay": 0.01},
        {"decay": -0.2, "decoupled": True}, ()),
    ("centered", "optimizer.centered",
        {"kind": "rmsprop", "rate": 1e-3, "rho": 0.9, "epsilon": 1e-8}, {"centered": True}, ()),
    ("rho", "optimizer.rho", {"kind": "rmsprop", "rate": 1e-3, "rho": 0.9, "epsilon": 1e-8},
        {"rho": 0.99}, ()),
    ("two decisions", "optimizer.momentum_and_nesterov", SGD, {"momentum": 0.9, "nesterov": True},
        ()),
]  # fmt: skip


def optimizers(b: Bench) -> None:
    start = {"a.weight": b.draw(4, 6), "a.bias": b.draw(6), "b.weight": b.draw(6, 3)}
    gradients = [
        {name: b.draw(*array.shape) * 10.0 ** b.rng.uniform(-3, 1) for name, array in start.items()}
        for _ in range(4)
    ]
    for name, cause, config, change, same in OPTIMIZERS:
        mine = stepped(config, gradients, start, "torch")
        its = replace(stepped(config | change, gradients, start, "torch"), optimizer=None)
        reference = Side("torch", "torch", kind="optimizer", steps=mine)
        case = Case("step", reference, Side("torch", "torch", kind="optimizer", steps=its))
        b.clean.append(replace(case, port=replace(reference)))
        b.faults.append(Planted(name, case, cause, frozenset(same)))
    mine, its = (
        stepped(ADAM | {"epsilon": 1e-4}, gradients, start, backend)
        for backend in ("torch", "keras")
    )
    sides = [
        Side(backend, backend, kind="optimizer", steps=steps)
        for backend, steps in (("torch", mine), ("keras", its))
    ]
    b.faults.append(
        Planted("Keras' place of epsilon", Case("step", sides[0], sides[1]), "optimizer.place")
    )


def statistics(b: Bench) -> None:
    x = b.draw(6, 5, 5, 4) + b.draw(4)
    side = Side(
        "torch",
        "torch",
        "norm",
        "batch_norm",
        inputs=(x,),
        statistics={"mean": b.draw(4), "variance": np.exp(b.draw(4))},
    )
    n = x.size // 4

    def after(momentum: float, factor: float) -> dict[str, np.ndarray]:
        batch = {"mean": x.mean((0, 1, 2)), "variance": x.var((0, 1, 2)) * factor}
        return {
            name: momentum * side.statistics[name] + (1 - momentum) * array
            for name, array in batch.items()
        }

    mine = replace(side, after=after(0.9, n / (n - 1)))
    b.clean.append(Case("step", mine, mine))
    for name, cause, its in (
        ("momentum of 0.99", "running.momentum", after(0.99, n / (n - 1))),
        ("momentum of the new value", "running.momentum", after(0.1, n / (n - 1))),
        ("biased running variance", "running.unbiased", after(0.9, 1.0)),
        ("statistics that do not move", "running.frozen", dict(side.statistics)),
    ):
        b.faults.append(Planted(name, Case("step", mine, replace(mine, after=its)), cause))


def gradients(b: Bench) -> None:
    x = b.draw(6, 8)
    behind = b.draw(6, 8)
    other = b.draw(6, 8)
    x[:2, :3] = 0
    relu = Side(
        "torch", "torch", "act", "activation", config={"name": "relu"}, inputs=(x,), gradient=behind
    )
    add = Side("torch", "torch", "add", "add", gradient=behind)
    mine = Side("torch", "torch", "layer", "affine", output=x, gradient=behind * (x > 0))
    two = replace(mine, gradient=behind + other)

    def plant(
        name: str,
        cause: str,
        side: Side,
        its: np.ndarray | None,
        *follows: Side,
        same: tuple[str, ...] = (),
    ) -> None:
        port = replace(side, backend="keras", dialect="keras", gradient=its)
        b.faults.append(
            Planted(name, Case("backward", side, port, follows=follows), cause, frozenset(same))
        )

    plant("detached", "gradient.detached", mine, None, relu)
    plant("stopped", "gradient.detached", mine, np.zeros(x.shape), relu)
    plant("one way cut", "gradient.way", two, behind, add)
    plant("the skip cut", "gradient.way", two, other, add)
    plant("gradient doubled", "gradient.scaled", two, 2 * (behind + other), add)
    plant("straight through", "gradient.derivative", mine, behind, relu, same=("gradient.way",))
    plant("another kink", "gradient.kink", mine, behind * (x >= 0), relu)
    arrays = {"weight": b.draw(4, 8), "bias": b.draw(8)}
    full = replace(
        mine,
        parameters=arrays,
        gradients={n: b.draw(*a.shape) for n, a in arrays.items()},
        trainable=dict.fromkeys(arrays, True),
    )
    frozen = replace(
        full,
        backend="keras",
        dialect="keras",
        gradients=dict.fromkeys(arrays),
        trainable=dict.fromkeys(arrays, False),
    )
    b.faults.append(Planted("a frozen layer", Case("backward", full, frozen), "gradient.frozen"))
    kept = {"weight": full.gradients["weight"], "bias": None}
    lost = replace(full, backend="keras", dialect="keras", gradients=kept)
    b.faults.append(
        Planted("a bias without gradient", Case("backward", full, lost), "gradient.frozen")
    )
