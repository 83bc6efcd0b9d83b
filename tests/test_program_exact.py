"""A step at the ends of its precision."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import backends
from common import draw
from common.backend import Backend
from common.network import Batch
from common.plan import Plan
from tests.conftest import load

Maker = Callable[..., Plan]


@pytest.mark.parametrize("name", backends.NEEDS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("gap", [0.0, 5.0, 20.0, 45.0, -45.0])
@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_cross_entropy_is_exact_to_a_few_units_of_1(
    request: pytest.FixtureRequest,
    plan: Maker,
    name: str,
    precision: str,
    gap: float,
    offset: float,
) -> None:
    """Softmax minus one-hot: the other classes keep their digits; what the chosen one loses is
    rounding of 1.
    """
    one = plan(features=1, classes=3, depth=2, width=2, precision=precision)
    start = draw.state(one)
    logits = np.array([offset + gap, offset + 0.5, offset - 1.25])
    for parameter in start.parameters.values():
        parameter[:] = 0
    start.parameters["output.bias"][:] = logits  # of all samples: tanh is 0 at 0
    program = load(name, request.config).program(one, "cpu")
    program.load(start)
    shape = (2, one.task.batch_size)
    program.step(Batch(np.zeros((*shape, 1)), np.zeros(shape, int)))
    found = program.gradients()
    others = np.exp((logits[1:] - logits[0]).astype(np.longdouble))
    chances = others / (1 + others.sum())
    loss = np.log1p(others.sum())
    unit = 8 * np.finfo(precision).eps
    # of the logarithm of the sum, which optax subtracts the logit from
    size = max(1.0, abs(gap), offset)
    gradient = found.parameters["output.bias"][:, 0]
    assert np.abs(found.loss - loss).max() <= unit * size
    assert np.abs(gradient[:, 0] + chances.sum()).max() <= unit
    assert (np.abs(gradient[:, 1:] - chances) <= unit * (1 + abs(gap)) * chances).all()


def test_what_is_beyond_float32_is_infinite_without_a_warning(
    backend: Backend, plan: Maker
) -> None:
    """As in all tests a warning is an error: the weights, a batch and a test sample are beyond the
    largest number.
    """
    start = plan(
        precision="float32",
        initialization={"kind": "gaussian", "std": 3e38},
        activation="relu",
        depth=2,
    )
    program = backend.program(start, "cpu")
    program.load(draw.state(start))
    measured = program.measured(
        program.step(
            Batch(draw.rounded(np.full((2, 16, 5), 1e60), "float32"), np.zeros((2, 16), int))
        )
    )
    assert not np.isfinite(measured["loss"]).any()
    assert not np.isfinite(program.predict(np.full((2, 3, 5), 1e60))).any()
