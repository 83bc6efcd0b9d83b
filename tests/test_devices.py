"""Devices: what a wing offers, what it refuses, and where its arrays live; several processors are simulated."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import backends
from common.backend import Backend
from common.errors import Unsupported
from common.plan import Plan
from tests.conftest import load

ROOT = Path(__file__).parents[1]

PLACED = """
import importlib, json, sys
import numpy as np
import backends
from common import draw
from tests.compared import gradient_error, scaled_error
from common.network import Batch
from common.plan import Plan

name, plan = sys.argv[1], Plan.model_validate_json(sys.argv[2])
wing, definition = backends.load(name), backends.load("numpy")
importlib.import_module(f"backends.{name}.device").simulate(2)
rng = np.random.default_rng(0)
batch = Batch(rng.normal(size=(2, 6, 5)), rng.integers(3, size=(2, 6)))
program, expected = wing.program(plan, "cpu:1"), definition.program(plan, "cpu")
for p in (program, expected):
    p.load(draw.state(plan))
where = lambda a: sorted(str(d.id) for d in a.devices()) if hasattr(a, "devices") else [a.device[-1]]
held = lambda: [getattr(a, "value", a) for a in (*program.parameters.values(), *program.statistics.values())]
loaded = [where(a) for a in held()]
handle, _ = program.step(batch), expected.step(batch)
loss, signals, gradients, clipped = program.last
left = [loss, *(signals if isinstance(signals, list) else [signals]), *gradients.values(), *clipped.values(), *handle]
print(json.dumps({
    "devices": wing.devices(),
    "first_step": gradient_error(program.gradients(), expected.gradients()),
    "predicted": scaled_error(program.predict(batch.x), expected.predict(batch.x)),
    "loaded": loaded,
    "places": [where(a) for a in held() + left],
}))
"""


@pytest.fixture(scope="module", params=["keras", "jax"])
def placed(request: pytest.FixtureRequest, plan: Callable[..., Plan]) -> dict[str, Any]:
    """What a fresh process found that simulates two processors and takes one step on the second."""
    name = load(request.param, request.config).name
    numbers = plan(depth=3, width=4, batch_size=6, normalization="batch", activation="prelu").model_dump_json()
    command = [sys.executable, "-c", PLACED, name, numbers]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_simulated_processor_is_offered(placed: dict[str, Any]) -> None:
    assert placed["devices"][:2] == ["cpu:0", "cpu:1"]


def test_a_step_on_the_second_processor_is_the_definitions(placed: dict[str, Any]) -> None:
    assert placed["first_step"] <= 1e-12
    assert placed["predicted"] <= 1e-12


def test_what_runs_on_the_second_processor_stays_there(placed: dict[str, Any]) -> None:
    assert placed["loaded"] == [["1"]] * len(placed["loaded"])
    assert placed["places"] == [["1"]] * len(placed["places"])
    assert len(placed["loaded"]) > 10


def test_a_processor_that_is_not_there_is_refused_with_what_there_is(backend: Backend, plan: Callable[..., Plan]) -> None:
    with pytest.raises(Unsupported, match=f"^{backend.name} has no device 'cpu:7'; it has: cpu:0") as refused:
        backend.program(plan(), "cpu:7")
    assert all(name in str(refused.value) for name in backend.devices())


@pytest.mark.parametrize("name", ["torch", "numpy"])
def test_torch_and_the_definition_have_one_processor(
    request: pytest.FixtureRequest, plan: Callable[..., Plan], name: str
) -> None:
    wing = load(name, request.config)
    assert [device for device in wing.devices() if device.startswith("cpu")] == ["cpu:0"]
    with pytest.raises(Unsupported, match=rf"^{name} has no device 'cpu:1'; it has: cpu:0"):
        wing.program(plan(), "cpu:1")


@pytest.mark.parametrize("device", ["gpu", "gpu:0", "tpu", "cpu:x", "", "cuda"])
def test_what_a_wing_does_not_offer_is_refused(backend: Backend, plan: Callable[..., Plan], device: str) -> None:
    if f"{device.partition(':')[0]}:0" in backend.devices() and device != "cpu:x":
        pytest.skip(f"this machine has a {device}")
    with pytest.raises(Unsupported, match=rf"^{backend.name} has no device '{device}'; it has: cpu:0"):
        backend.program(plan(), device)


@pytest.mark.parametrize("device", ["gpu", "gpu:0", "tpu", "cuda"])
def test_the_definition_runs_on_the_processor_only(definition: Backend, plan: Callable[..., Plan], device: str) -> None:
    assert definition.devices() == ["cpu:0"]
    with pytest.raises(Unsupported, match=rf"^numpy has no device '{device}'; it has: cpu:0$"):
        definition.program(plan(), device)


@pytest.mark.parametrize("name", backends.NEEDS)
def test_cpu_means_the_first_processor(request: pytest.FixtureRequest, name: str) -> None:
    assert "cpu:0" in load(name, request.config).devices()
    resolve = importlib.import_module(f"backends.{name}.device").resolve
    assert resolve("cpu") == resolve("cpu:0")
