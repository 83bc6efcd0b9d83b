"""A trained model's file, carried into each framework and back, and the steps that the models there
take.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations

import numpy as np
import pytest

from experiments.converting import laws
from experiments.converting.files import Stored
from tests import converted as c
from tests.conftest import load

EXACT = 1e-12
"""Of outputs and of the next step, relative to the largest number of the array."""

SIX = list(permutations(laws.FRAMEWORKS, 2))
over_six = pytest.mark.parametrize(("source", "target"), SIX)
over_optimizers = pytest.mark.parametrize("kind", c.OPTIMIZERS)


@pytest.fixture(scope="module", autouse=True)
def wings(request: pytest.FixtureRequest) -> None:
    for name in laws.FRAMEWORKS:
        load(name, request.config)


@cache
def trained(kind: str) -> Stored:
    """The PyTorch model's file after three steps."""
    model = c.torch_model()
    stepper = c.torch_optimizer(model, kind)
    for seed in range(3):
        c.torch_step(model, stepper, seed)
    return c.file_of(c.torch_saved(model, stepper), c.torch_kinds(model))


@cache
def fresh(framework: str, kind: str) -> Stored:
    """What is saved of a model that was only built, for its names."""
    match framework:
        case "torch":
            return trained(kind)
        case "keras":
            model = c.keras_model()
            return c.file_of(c.keras_saved(model, c.keras_optimizer_of(model, kind)))
        case _:
            variables = c.linen_started(c.linen_model())
            return c.file_of(
                c.linen_saved(variables, c.optax_optimizer(kind).init(variables["params"]))
            )


@cache
def arrived(framework: str, kind: str) -> Stored:
    """The trained model's file in each framework."""
    if framework == "torch":
        return trained(kind)
    found = c.through(trained(kind), "torch", framework, fresh(framework, kind), rate=c.RATE)
    return Stored(found.arrays, found.metadata)


def stepped(framework: str, kind: str, file: Stored) -> c.Stepped:
    """A model of the framework that loads the file, and takes a step."""
    match framework:
        case "torch":
            model = c.torch_model()
            stepper = c.torch_optimizer(model, kind)
            c.torch_loaded(model, stepper, file.arrays)
            return c.torch_step(model, stepper, seed=9)
        case "keras":
            model = c.keras_model()
            stepper = c.keras_optimizer_of(model, kind)
            names = dict(
                zip(fresh("keras", kind).arrays, sorted(c.keras_saved(model, stepper)), strict=True)
            )
            c.keras_loaded(model, stepper, {names[name]: a for name, a in file.arrays.items()})
            found = c.keras_step(model, stepper, seed=9)
            back = {new: old for old, new in names.items()}
            return c.Stepped(found.output, {back[name]: a for name, a in found.arrays.items()})
        case _:
            model = c.linen_model()
            transformation = c.optax_optimizer(kind)
            variables = c.linen_started(model)
            loaded, kept = c.linen_loaded(
                variables, transformation.init(variables["params"]), file.arrays
            )
            return c.linen_step(model, loaded, transformation, kept, seed=9)


@cache
def stepped_there(framework: str, kind: str) -> c.Stepped:
    return stepped(framework, kind, arrived(framework, kind))


def apart(found: c.Arrays, expected: c.Arrays) -> float:
    """The largest error of what a step leaves, in PyTorch's names; the running variance is another
    by definition.
    """
    assert set(found) == set(expected)
    compared = {
        name: a
        for name, a in expected.items()
        if not name.endswith(("running_var", "num_batches_tracked"))
    }
    return max(error(found[name], a, name) for name, a in compared.items())


def error(found: np.ndarray, expected: np.ndarray, name: str) -> float:
    # before a batch norm: its gradient is 0, and rounding
    if name.startswith("optimizer.layers.1.bias."):
        return float(np.abs(found - expected).max())
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), np.finfo(float).tiny))


def same_bits(found: c.Arrays, expected: c.Arrays) -> bool:
    assert set(found) == set(expected)
    return all(
        (found[name].dtype, found[name].shape, found[name].tobytes())
        == (a.dtype, a.shape, a.tobytes())
        for name, a in expected.items()
    )


def with_second_biases(kind: str) -> Stored:
    """The file with what PyTorch alone has: two biases of every gate."""
    arrays = dict(trained(kind).arrays)
    for layer in ("5", "6", "7"):
        name = f"layers.{layer}.bias_hh_l0"
        arrays[name] = np.random.default_rng(1).normal(size=arrays[name].shape)
    return Stored(arrays, trained(kind).metadata)
