"""Chance, drawn once in NumPy: weights and the order of the batches, keyed by seed and name.

Every parameter of every layer has a Philox stream of its own, so that adding a layer does not move
the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import assert_never

import numpy as np

from common.countermeasures import initialization, optimizer
from common.countermeasures.initialization import Initialization
from common.distribution import orthogonal
from common.network import Arrays, Batch, Network, State
from common.part import Parameter
from common.plan import Plan
from common.task import Data


def stream(seed: int, name: str) -> np.random.Generator:
    """The random stream of one name for one seed."""
    key = int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:16], "little")
    return np.random.Generator(np.random.Philox(key=key))


def weight(
    spec: Initialization, seed: int, layer: str, shape: tuple[int, int], name: str = "weight"
) -> np.ndarray:
    """A weight matrix [n_in, n_out] of one layer of one seed.

    A layer is called `layer 1`, `layer 2`, ... or `output`.
    """
    # a weight beyond all numbers is infinite, and the run says so
    with np.errstate(over="ignore", under="ignore"):
        return initialization.weights(spec, stream(seed, f"{layer} {name}"), shape)


def bias(spec: Initialization, seed: int, layer: str, n_in: int, n_out: int) -> np.ndarray:
    """The biases [n_out] of one layer of one seed."""
    return initialization.biases(spec, stream(seed, f"{layer} bias"), n_in, n_out)


def _parameters(plan: Plan, seed: int) -> Arrays:
    found: Arrays = {}
    for stack in plan.network.stacks():
        for name, one in stack.parameters.items():
            layers = [
                _layer(name, one, plan.initialization_of(layer), seed, layer)
                for layer in stack.sets
            ]
            found[f"{stack.name}.{name}"] = np.stack(layers)
    return found


def _layer(name: str, one: Parameter, spec: Initialization, seed: int, layer: str) -> np.ndarray:
    """A parameter of one layer; of gates, each has a stream of its own."""
    if one.gates:
        return np.stack(
            [
                _layer(f"{name} {gate}", of_gate, spec, seed, layer)
                for gate, of_gate in one.by_gate.items()
            ]
        )
    match how := one.own_start:
        case "drawn":
            n_in, n_out = one.shape
            return weight(spec, seed, layer, (n_in, n_out), name)
        case "drawn bias":
            return bias(spec, seed, layer, one.fan_in, *one.shape)
        case "orthogonal":
            rows, columns = one.shape
            return orthogonal(stream(seed, f"{layer} {name}"), (rows, columns))
        case "identity":
            return np.eye(one.shape[0])
        case int() | float() as number:
            return np.full(one.shape, number)
        case _:
            assert_never(how)


def state(plan: Plan) -> State:
    """Parameters, statistics and optimizer state before the first step.

    They are float64, rounded to the plan's precision.
    """
    seeds = [_parameters(plan, seed) for seed in plan.seeds]
    parameters = {name: np.stack([s[name] for s in seeds]) for name in seeds[0]}
    parameters = {name: rounded(a, plan.precision) for name, a in parameters.items()}
    statistics = initial_statistics(plan.network, len(plan.seeds))
    return State(parameters, statistics, optimizer.initial(plan.optimizer, parameters))


def rounded(array: np.ndarray, precision: str) -> np.ndarray:
    """The float64 array with what its numbers are in another precision.

    Infinite or 0 beyond that one's range.
    """
    with np.errstate(over="ignore", under="ignore"):
        return array.astype(precision).astype(np.float64)


def initial_statistics(network: Network, seeds: int) -> Arrays:
    """The statistics before the first step for that many seeds, [seed, layer, ...] by name."""
    return {
        f"{stack.name}.{name}": np.full((seeds, len(stack.sets), *one.shape), one.start)
        for stack in network.stacks()
        for name, one in stack.statistics.items()
    }


def batches(plan: Plan, data: Data) -> Iterator[Batch]:
    """The plan's batches in their order.

    Every seed goes through its own shuffle of the training set, epoch by epoch.

    Yields:
        `plan.steps` batches, float64 rounded to the plan's precision; a rest smaller than a batch
        is left out of an epoch.
    """
    n = len(data.x_train)
    size = plan.task.batch_size
    x_train = rounded(data.x_train, plan.precision)
    y_train = data.y_train if data.classes else rounded(data.y_train, plan.precision)
    per_epoch = n // size
    for step in range(plan.steps):
        epoch, k = divmod(step, per_epoch)
        if k == 0:
            orders = np.stack(
                [stream(seed, f"epoch {epoch}").permutation(n) for seed in plan.seeds]
            )
        chosen = orders[:, k * size : (k + 1) * size]
        yield Batch(x_train[chosen], y_train[chosen])
