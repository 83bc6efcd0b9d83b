"""One interpreter opens one model after another, and each finds it as if it were the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import Failed
from experiments.own.interpreter import Interpreter
from experiments.own.warm import Interpreters
from tests.conftest import load

TORCH = """
from torch import nn, zeros
from sizes import WIDTH
def model():
    return nn.Linear(2, WIDTH)
def batch():
    return zeros(4, 2), zeros(4, WIDTH)
"""
KERAS = """
import keras, numpy as np
from sizes import WIDTH
def model():
    return keras.Sequential([keras.layers.Dense(WIDTH)])
def batch():
    return np.zeros((4, 2)), np.zeros((4, WIDTH))
"""
JAX = """
import jax.numpy as jnp
from flax import linen
from sizes import WIDTH
def model():
    return linen.Dense(WIDTH)
def batch():
    return jnp.zeros((4, 2)), jnp.zeros((4, WIDTH))
"""
CODE = {"torch": TORCH, "keras": KERAS, "jax": JAX}


@pytest.fixture(params=CODE)
def framework(request: pytest.FixtureRequest) -> str:
    load(request.param, request.config)
    return request.param


@pytest.fixture
def net(framework: str, tmp_path: Path) -> Callable[[int], Path]:
    """Writes a folder with a model of a width that stands in another file of the folder."""

    def write(width: int) -> Path:
        folder = tmp_path / str(width)
        folder.mkdir(exist_ok=True)
        (folder / "sizes.py").write_text(f"WIDTH = {width}\n")
        (folder / "net.py").write_text(CODE[framework])
        return folder / "net.py"

    return write


def seen(model: Interpreter, file: Path) -> tuple[list[str], tuple[int, ...]]:
    """The names of the layers, and the shape of the output."""
    model.open(file)
    found = model.capture()
    assert found["output"] is not None
    return list(found["layers"]), found["output"].shape


def test_files_of_one_name_in_two_folders_are_two(
    framework: str, net: Callable[[int], Path]
) -> None:
    with Interpreter(framework) as model:
        first = seen(model, net(3))
        second = seen(model, net(5))
    assert (first[1], second[1]) == ((4, 3), (4, 5))
    assert first[0] == second[0], "names are counted from the start again"


def test_after_a_mistake_there_is_a_fresh_interpreter(
    framework: str, net: Callable[[int], Path]
) -> None:
    running = Interpreters()
    broken = net(7)
    (broken.parent / "sizes.py").write_text("raise ValueError('theirs')")
    with running.of(framework, None) as model:
        one = model.process.pid
    with running.of(framework, None) as model:
        assert model.process.pid == one, "a framework is imported once"
        net(3)
    with pytest.raises(Failed, match="theirs"), running.of(framework, None) as model:
        model.open(broken)
    with running.of(framework, None) as model:
        assert model.process.pid != one
        assert seen(model, net(3))[1] == (4, 3)
        model.close()
