"""Own models diagnosed: what equals a plan is told what `compare` tells of it, and every mistake is
one sentence.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends import FRAMEWORKS
from common import draw, task
from common.architectures import Perceptron
from common.backend import Backend, train
from common.errors import UserError
from common.plan import Plan
from common.quantities import decay_per_layer, gradient_ratio
from common.trace import Trace
from experiments.findings.gradient import gradient
from experiments.findings.thresholds import Thresholds
from experiments.own.advice import advice
from experiments.own.diagnosing import diagnosis, passes
from experiments.own.diagnosis import Diagnosis
from experiments.own.interpreter import Failed, Interpreter
from tests.conftest import load

ROOT = Path(__file__).parents[1]
OWN = Path(__file__).parent / "own"
EXAMPLES = ROOT / "docs" / "examples"
FILES = {"torch": "mlp_torch.py", "keras": "mlp_keras.py", "jax": "mlp_flax.py"}
PLANS: dict[str, dict[str, Any]] = {
    "tanh": {"activation": "tanh", "initialization": "xavier", "depth": 8},
    "relu": {"activation": "relu", "initialization": "he", "normalization": "batch", "depth": 5},
}


@pytest.fixture(scope="module", params=FRAMEWORKS)
def interpreter(request: pytest.FixtureRequest) -> Iterator[Interpreter]:
    """A process of each framework, in which models can be opened."""
    load(request.param, request.config)
    with Interpreter(request.param, threads=1) as running:
        yield running


def keep(plan: Plan, path: Path) -> None:
    """Keep the plan's weights and its first batch in a file."""
    state = draw.state(plan)
    batch = next(draw.batches(plan, task.load(plan.task)))
    arrays = {name: array[0] for name, array in state.parameters.items()}
    weights = [arrays["first.weight"][0], *arrays["hidden.weight"], arrays["output.weight"][0]]
    sizes = [weights[0].shape[0], *(weight.shape[1] for weight in weights)]
    found: dict[str, Any] = {"x": batch.x[0], "y": batch.y[0], "sizes": sizes}
    assert isinstance(plan.network, Perceptron)
    found |= {
        "tanh": plan.network.activation.kind == "tanh",
        "batch": plan.network.normalization.kind == "batch",
    }
    for i, weight in enumerate(weights):
        found |= {f"weight{i}": weight, f"bias{i}": np.zeros(weight.shape[1])}
    np.savez(path, **found)


def first_step(plan: Plan, definition: Backend) -> Trace:
    """What `compare` measures of a plan at its first step."""
    program = definition.program(plan, "cpu")
    program.load(draw.state(plan), plan)
    return train(program, plan, draw.batches(plan, task.load(plan.task))).trace


@pytest.mark.parametrize("name", PLANS)
def test_a_model_that_equals_a_plan_is_told_the_same(
    interpreter: Interpreter,
    plan: Callable[..., Plan],
    definition: Backend,
    name: str,
    tmp_path: Path,
) -> None:
    one = plan(**PLANS[name] | {"features": 64, "classes": 10, "steps": 1, "seeds": (0,)})
    trace = first_step(one, definition)
    signal_gradient = trace.quantities["signal_gradient_rms"][0, 0]
    keep(one, tmp_path / "plan.npz")
    shutil.copy(OWN / FILES[interpreter.backend], tmp_path / "mine.py")
    interpreter.open(tmp_path / "mine.py", precision="float64")

    taken = passes(interpreter.capture(values=False))
    said = diagnosis(taken, "mine.py", "")

    np.testing.assert_allclose(
        taken.trace.quantities["signal_gradient_rms"][0, 0], signal_gradient, rtol=1e-10
    )
    assert said.gradient_ratio == pytest.approx(float(gradient_ratio(signal_gradient)), rel=1e-10)
    assert said.decay_per_layer == pytest.approx(float(decay_per_layer(signal_gradient)), rel=1e-10)
    for quantity in ("weight_gradient_rms", "activation_rms", "dead_fraction"):
        measured = taken.trace.quantities[quantity][0, 0]
        np.testing.assert_allclose(
            measured, trace.quantities[quantity][0, 0], rtol=1e-10, atol=1e-300, err_msg=quantity
        )
    assert said.gradient.verdict == gradient(trace, Thresholds()).verdict


def diagnosed(interpreter: Interpreter, file: Path, factory: str = "model") -> Diagnosis:
    """A file's diagnosis with its advice, from one pass."""
    interpreter.open(file, factory)
    taken = passes(interpreter.capture(values=False))
    said = diagnosis(taken, file.name, "")
    return said.model_copy(update={"advice": advice(taken, said)})


def causes(said: Diagnosis) -> list[str]:
    return [one.cause for one in said.advice]


@pytest.fixture(scope="module")
def torch_(request: pytest.FixtureRequest) -> Iterator[Interpreter]:
    """One framework, for what is said alike of all."""
    load("torch", request.config)
    with Interpreter("torch", threads=1) as running:
        yield running


def test_twenty_sigmoid_layers_vanish_and_the_advice_mends_them(torch_: Interpreter) -> None:
    # https://github.com/juebrauer/code_jb: 20 sigmoid layers of 100, as PyTorch starts them
    said = diagnosed(torch_, EXAMPLES / "deep_torch.py")
    assert said.gradient.verdict == "vanishing"
    assert said.decay_per_layer == pytest.approx(-0.84, abs=0.02)
    assert causes(said)[:2] == ["activation", "start"]
    mended = diagnosed(torch_, EXAMPLES / "deep_torch.py", "mended")
    assert mended.gradient.verdict == "comes through"
    assert not mended.advice


TEMPLATE = """
import numpy as np
import torch
from torch import nn

def model():
    torch.manual_seed(0)
    layers = []
    for _ in range({depth}):
        layers += [{linear}, nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(16, 4){end})

def batch():
    rng = np.random.default_rng(0)
    return ({scale} * rng.standard_normal((32, 16))).astype("float32"), rng.integers(0, 4, 32)
"""
HE = (
    "nn.utils.skip_init(nn.Linear, 16, 16).apply(lambda m: (nn.init.kaiming_normal_(m.weight), "
    "nn.init.zeros_(m.bias)))"
)
LIKELY = {
    "start": {"linear": "nn.Linear(16, 16)", "depth": 14},
    "input": {"scale": "255.0"},
    "output": {"end": ", nn.Softmax(-1)"},
    "dead units": {"linear": HE.replace("zeros_(m.bias)", "constant_(m.bias, -9.0)"), "depth": 2},
    "cut": {
        "linear": (
            "nn.Linear(16, 16), type('Cut', (nn.Module,), {'forward': lambda self, x: "
            "x.detach()})()"
        ),
        "depth": 2,
    },
}


@pytest.mark.parametrize("cause", LIKELY)
def test_a_planted_cause_is_named_first(torch_: Interpreter, cause: str, tmp_path: Path) -> None:
    text = TEMPLATE.format(**{"linear": HE, "depth": 4, "scale": "1.0", "end": ""} | LIKELY[cause])
    (tmp_path / "mine.py").write_text(text)
    assert causes(diagnosed(torch_, tmp_path / "mine.py"))[:1] == [cause]


def test_where_nothing_is_wrong_nothing_is_said(torch_: Interpreter, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(TEMPLATE.format(linear=HE, depth=4, scale="1.0", end=""))
    assert not causes(diagnosed(torch_, tmp_path / "mine.py"))


MISTAKES = {
    "no model": ("net = 1", "mine.py must define model(), which returns the model"),
    "no batch": (
        "def model(): return 1",
        "mine.py must define batch(), which returns x and y, where no --data are given",
    ),
    "returns None": (
        "def model(): pass\ndef batch(): return [[1.0]], [0]",
        "mine.py: model() must return the model; received None",
    ),
    "raises": (
        "def model():\n    raise RuntimeError('no CUDA')\ndef batch(): return 1, 2",
        "RuntimeError: no CUDA (mine.py, line 2)",
    ),
    "does not import": (
        "import nothing_of_that_name",
        "ModuleNotFoundError: No module named 'nothing_of_that_name' (mine.py, line 1)",
    ),
    "is no Python": ("def model(:", "SyntaxError: invalid syntax (mine.py, line 1)"),
    "exits": ("import sys\nsys.exit(3)", "SystemExit: 3 (mine.py, line 2)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence_and_the_next_file_opens(
    torch_: Interpreter, mistake: str, tmp_path: Path
) -> None:
    text, sentence = MISTAKES[mistake]
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises((UserError, Failed)) as caught:
        torch_.open(tmp_path / "mine.py")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert torch_.open(EXAMPLES / "net_torch.py")["has"]


def test_a_killed_process_is_one_sentence(request: pytest.FixtureRequest) -> None:
    load("torch", request.config)
    with Interpreter("torch", threads=1) as running:
        running.open(EXAMPLES / "net_torch.py")
        os.kill(running.process.pid, signal.SIGKILL)
        with pytest.raises(
            Failed,
            match=r"net_torch.py: the process of torch was killed by SIGKILL \(out of memory\?\)",
        ):
            running.capture()
