"""Devices: what a wing offers, what it refuses, and where its arrays live; several processors are
simulated.
"""

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
from common.errors import Unsupported, UserError
from common.plan import Plan
from experiments import devices
from experiments.comparing.choice import check_device
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
def where(a):
    return sorted(str(d.id) for d in a.devices()) if hasattr(a, "devices") else [a.device[-1]]
def held():
    arrays = *program.parameters.values(), *program.statistics.values()
    return [getattr(a, "value", a) for a in arrays]
loaded = [where(a) for a in held()]
handle, _ = program.step(batch), expected.step(batch)
loss, signals, gradients, clipped = program.last
signals = signals if isinstance(signals, list) else [signals]
left = [loss, *signals, *gradients.values(), *clipped.values(), *handle]
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
    numbers = plan(
        depth=3, width=4, batch_size=6, normalization="batch", activation="prelu"
    ).model_dump_json()
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


def test_a_processor_that_is_not_there_is_refused_with_what_there_is(
    backend: Backend, plan: Callable[..., Plan]
) -> None:
    with pytest.raises(
        Unsupported, match=f"^{backend.name} has no device 'cpu:7'; it has: cpu:0"
    ) as refused:
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
def test_what_a_wing_does_not_offer_is_refused(
    backend: Backend, plan: Callable[..., Plan], device: str
) -> None:
    if f"{device.partition(':')[0]}:0" in backend.devices() and device != "cpu:x":
        pytest.skip(f"this machine has a {device}")
    with pytest.raises(
        Unsupported, match=rf"^{backend.name} has no device '{device}'; it has: cpu:0"
    ):
        backend.program(plan(), device)


@pytest.mark.parametrize("device", ["gpu", "gpu:0", "tpu", "cuda"])
def test_the_definition_runs_on_the_processor_only(
    definition: Backend, plan: Callable[..., Plan], device: str
) -> None:
    assert definition.devices() == ["cpu:0"]
    with pytest.raises(Unsupported, match=rf"^numpy has no device '{device}'; it has: cpu:0$"):
        definition.program(plan(), device)


@pytest.mark.parametrize("name", backends.NEEDS)
def test_cpu_means_the_first_processor(request: pytest.FixtureRequest, name: str) -> None:
    assert "cpu:0" in load(name, request.config).devices()
    resolve = importlib.import_module(f"backends.{name}.device").resolve
    assert resolve("cpu") == resolve("cpu:0")


ASKED = {"torch": ["cpu:0", "gpu:0"], "keras": ["cpu:0"], "jax": ["cpu:0", "cpu:1"]}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The backends that were asked for their devices, where torch has a GPU and JAX two
    processors.
    """
    names: list[str] = []
    monkeypatch.setattr(devices, "devices_of", lambda name: names.append(name) or ASKED[name])
    return names


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_the_processor_is_not_asked_for(asked: list[str], device: str) -> None:
    check_device(device, ["numpy", *ASKED])
    assert asked == []


@pytest.mark.parametrize(
    ("device", "names", "said"),
    [
        ("gpu", ["torch", "keras", "jax"],
            "but keras has cpu:0; jax has cpu:0, cpu:1; leave it out, or run on it what has it: "
            "--backends numpy torch"),
        ("cpu:1", ["keras", "jax"],
            "but keras has cpu:0; leave it out, or run on it what has it: --backends numpy jax"),
        ("gpu:1", ["torch"], "received 'gpu:1', but torch has cpu:0, gpu:0; leave it out"),
        ("tpu", ["torch", "keras", "jax"],
            "but torch has cpu:0, gpu:0; keras has cpu:0; jax has cpu:0, cpu:1; leave it out"),
    ],
)  # fmt: skip
def test_a_device_that_not_every_backend_has_is_refused_by_name(
    asked: list[str], device: str, names: list[str], said: str
) -> None:
    with pytest.raises(UserError) as refused:
        check_device(device, ["numpy", *names])
    assert str(refused.value).endswith(said)
    assert sorted(asked) == sorted(names)


@pytest.mark.parametrize(
    ("device", "names"), [("gpu", ["torch"]), ("gpu:0", ["torch"]), ("cpu:1", ["jax"])]
)
def test_a_device_that_every_framework_has_is_no_mistake(
    asked: list[str], device: str, names: list[str]
) -> None:
    check_device(device, ["numpy", *names])  # the definition runs on the processor all the same
    assert asked == names


def test_a_backend_says_its_devices_in_a_process_of_its_own(request: pytest.FixtureRequest) -> None:
    wing = load("torch", request.config)
    assert devices.devices_of("torch") == wing.devices()


def test_a_backend_that_does_not_start_is_named_with_its_reason(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    load("keras", request.config)
    load("jax", request.config)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(
        UserError,
        match=(
            r"^--device: keras cannot be asked for its devices: .*received KERAS_BACKEND=jax; set"
        ),
    ):
        devices.devices_of("keras")


def test_an_absent_device_is_refused_before_anything_runs(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    load("torch", request.config)
    line = [
        sys.executable,
        "-m",
        "experiments.compare",
        "--backends",
        "numpy",
        "torch",
        "--device",
        "cpu:7",
    ]
    done = subprocess.run(
        [*line, "--output", str(tmp_path / "runs")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"error: --device must be one that every backend has; received 'cpu:7', but torch has "
        f"{', '.join(devices.devices_of('torch'))}; leave it out"
    ]
    assert not (tmp_path / "runs").exists()


def test_a_framework_that_is_left_no_device_says_why(
    monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    load("jax", pytestconfig)
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    with pytest.raises(
        UserError, match="received none, with JAX_PLATFORMS=cuda in the environment; unset that"
    ):
        devices.devices_of("jax")
