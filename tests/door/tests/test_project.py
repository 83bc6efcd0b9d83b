"""Tests of the project, with the fixtures that isograd brings."""

import importlib
import time

import isograd
import numpy as np

PORT = "torch=../mine_torch.py", "torch=../port_torch.py"
WRONG = "torch=../port_torch.py:wrong"
X = np.linspace(-2, 2, 12).reshape(3, 4)


def tanh(framework):
    return importlib.import_module(
        {"torch": "torch", "keras": "keras.ops", "jax": "jax.numpy"}[framework.name]
    ).tanh


def test_a_right_function(framework):
    framework.check(tanh(framework), np.tanh, X)


def test_a_wrong_function(framework):
    framework.check(tanh(framework), lambda x: np.tanh(x) * (1 + 1e-12), X)


def test_a_live_model(framework):
    module = importlib.import_module(f"mine_{framework.name}")
    found = isograd.diagnose(module.model(), module.batch())
    assert found.ok
    assert len(found.frame()) == 1


def test_a_right_port(isograd_port):
    assert isograd_port(*PORT).agrees(steps=2).ok


def test_the_same_again_is_known(isograd_port):
    began = time.perf_counter()
    isograd_port(*PORT).agrees(steps=2)
    assert time.perf_counter() - began < 2


def test_a_wrong_port(isograd_port):
    isograd_port(PORT[0], WRONG).agrees(steps=2)


def test_a_port_that_raises(isograd_port):
    isograd_port(PORT[0], "torch=../port_torch.py:raises").agrees()


def test_a_file_that_is_not_there(isograd_port):
    isograd_port(PORT[0], "torch=absent.py").agrees()
