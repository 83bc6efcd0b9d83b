"""Gradients near the smallest numbers, of which TensorFlow and XLA lose products on the way back:
what they lose, and what is left where everything should be 0, lies within the bounds of the draws.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import backends
from backends.numpy.block import Site
from backends.numpy.monte_carlo import Random
from backends.numpy.normalization import layer, probe
from common import draw, task
from common.agreement import DRAWS, T
from common.backend import Backend
from common.countermeasures.normalization import (
    BatchNormalization,
    LayerNormalization,
    Normalization,
    RMSNormalization,
)
from tests.conftest import load
from tests.judged import Maker

UNITS = 64
SMALLEST = {one: float(np.finfo(one).smallest_normal) for one in ("float32", "float64")}
SIZES = 10.0 ** np.arange(5)
"""Of a cotangent, times the smallest normal number."""


def drawn(spec: Normalization, inputs: dict[str, np.ndarray], precision: str) -> np.ndarray:
    """The draws' gradients of z."""
    found = []
    for seed in range(DRAWS):
        site = Site(0, True, inputs)
        _, backward = layer(spec, Random(precision, seed, deep=True))(inputs["z"], site)
        found.append(backward(inputs["cotangent"])[0])
    return np.stack(found)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("spec", [BatchNormalization(), LayerNormalization(), RMSNormalization()])
@pytest.mark.parametrize("batch", [2, 3])
def test_what_is_lost_near_the_smallest_number_lies_within_the_draws(
    backend: Backend, spec: Normalization, batch: int, precision: str
) -> None:
    """Two samples cancel but for epsilon, so that what one product loses is all there is."""
    over = 0 if spec.kind == "batch" else 1
    rng = np.random.default_rng(batch)
    for size in SMALLEST[precision] * SIZES:
        shape = (batch, UNITS) if over == 0 else (UNITS, max(batch, 2))
        deviations = 10.0 ** rng.uniform(-3, 2, (1, UNITS) if over == 0 else (UNITS, 1))
        z = (rng.standard_normal(shape) + rng.uniform(-3, 3, deviations.shape)) * deviations
        own = {name: np.full(shape[1], value) for name, value in (("scale", 1.0), ("shift", 0.1))}
        moments = {"mean": np.zeros(shape[1]), "variance": np.ones(shape[1])}
        cotangent = size * rng.standard_normal(shape)
        cotangent[np.abs(cotangent) < SMALLEST[precision]] = 0
        inputs = {"z": z, "cotangent": cotangent} | own | moments
        rounded = {name: a.astype(precision) for name, a in inputs.items()}
        inputs = {name: a.astype(np.float64) for name, a in rounded.items()}
        found = backend.normalization.probe(spec, rounded)["gradient"].astype(np.float64)
        with np.errstate(all="ignore"):
            expected = probe(spec, inputs)["gradient"]
            draws = drawn(spec, inputs, precision)
        spread = np.hypot.reduce(np.abs(draws - expected).max(over + 1) / math.sqrt(DRAWS), 0)
        error = np.abs(found - expected).max(over)
        bound = T * spread + max(shape) * SMALLEST[precision]
        worst = int((error / bound).argmax())
        assert (error <= bound).all(), f"{size:.0e}: {error[worst]:.1e}, bound {bound[worst]:.1e}"


@pytest.mark.parametrize(("name", "left"), [("torch", False), ("keras", True)])
def test_what_keras_flushes_leaves_a_gradient_where_there_should_be_none(
    request: pytest.FixtureRequest, plan: Maker, name: str, left: bool
) -> None:
    network = {"features": 64, "classes": 10, "activation": "elu", "width": 16, "depth": 60}
    one = plan(
        **network, normalization="batch", initialization="he", batch_size=2, precision="float32"
    )
    batch = next(draw.batches(one, task.load(one.task)))
    found = []
    for wing in (backends.load("numpy"), load(name, request.config)):
        program = wing.program(one, "cpu")
        program.load(draw.state(one), one)
        program.step(batch)
        found.append(np.abs(program.gradients().signal[:, :20]).max())
    assert 0 < found[0] < 1e-80
    assert (found[1] > SMALLEST["float32"]) == left
