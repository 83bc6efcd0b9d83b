"""What a capture of flax linen models sees in awkward programs, and what it says where it does
not.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("flax")

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.errors import ScopeParamShapeError

from backends.jax import capture
from tests import linen_models as models
from tests.flax_cases import (
    CLASSES,
    FLAT,
    place,
    precise,
    said,
)


@pytest.fixture(scope="module", autouse=True)
def _precise() -> None:
    precise()


@jax.jit
def jitted(x: Any) -> Any:
    return jnp.tanh(nn.gelu(x))


class CallsJitted(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.Dense(3)(jitted(jitted(x)))


def test_a_jitted_function_that_was_called_before_is_seen_each_time() -> None:
    model = CallsJitted()
    variables = jax.jit(model.init)(jax.random.key(0), jnp.asarray(FLAT, jnp.float32))
    jitted(jnp.asarray(FLAT, jnp.float32))
    for _ in range(2):
        found = capture.subject((model, variables), FLAT).capture(values=False, gradient=False)
        assert said(found) == ":gelu :tanh :gelu#1 :tanh#1 Dense_0 (model)"
    assert jitted(FLAT).shape == FLAT.shape


class Hidden(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        def step(module: nn.Module, carry: Any) -> Any:
            return carry[0] + 1, models.Block(4)(carry[1])

        if self.is_initializing():
            return step(self, (0, x))[1]
        return nn.while_loop(lambda module, carry: carry[0] < 2, step, self, (0, x))[1]


def test_the_package_imports_nothing_of_this_project() -> None:
    allowed = {"__future__", "jax", "flax", "numpy", *sys.stdlib_module_names}
    for file in Path(str(capture.__file__)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                assert {name.name.split(".")[0] for name in node.names} <= allowed
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert str(node.module).split(".")[0] in allowed


MINE = """
import flax.linen as nn
from flax.linen import softmax as normalised
from jax.nn import gelu
TABLE = {"act": gelu}
class Mine(nn.Module):
    @nn.compact
    def __call__(self, x):
        h = nn.Dense(4)(x)
        return nn.Dense(3)(normalised(gelu(TABLE["act"](h), approximate=False)))
"""


def test_functions_are_known_by_the_names_of_the_users_own_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    spec = importlib.util.spec_from_file_location("mine", tmp_path / "mine.py")
    assert spec is not None
    assert spec.loader is not None
    mine = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mine)
    found = capture.subject(mine.Mine(), FLAT).capture(values=False)
    assert said(found) == "Dense_0 :gelu :gelu#1 :softmax Dense_1 (model)"
    assert [place(found, ":gelu", call)["config"]["approximate"] for call in (0, 1)] == [
        True,
        False,
    ]


class Stacked(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        each = nn.vmap(
            models.Block, variable_axes={"params": 0}, split_rngs={"params": True}, axis_size=2
        )
        return jnp.sum(each(4)(jnp.stack([x, x])), axis=0)


def test_a_vmapped_module_is_a_place_with_another_axis() -> None:
    found = capture.subject(Stacked(), FLAT, CLASSES).capture(values=False)
    assert place(found, "VmapBlock_0.Dense_0")["shape"] == [2, 5, 4]


def test_a_loop_that_cannot_be_seen_into_is_said() -> None:
    found = capture.subject(Hidden(), FLAT).capture(values=False, gradient=False)
    assert [place["path"] for place in found["places"]] == [""]
    assert "inside `while`" in " ".join(found["remarks"])


def test_a_model_that_raises_raises_its_own_exception() -> None:
    model = models.CalledTwice()
    subject = capture.subject((model, model.init(jax.random.key(0), FLAT)), FLAT[:, :2])
    with pytest.raises(ScopeParamShapeError):
        subject.capture(values=False)


def test_after_a_capture_the_names_are_the_frameworks_own() -> None:
    kept = (
        nn.relu,
        jax.nn.gelu,
        jnp.mean,
        nn.Module.__post_init__,
        models.Block.act,
        models.nn.tanh,
    )
    subject = capture.subject(models.Nested(), FLAT)
    subject.capture(values=False)
    assert all(
        a is b
        for a, b in zip(
            kept,
            (
                nn.relu,
                jax.nn.gelu,
                jnp.mean,
                nn.Module.__post_init__,
                models.Block.act,
                models.nn.tanh,
            ),
            strict=True,
        )
    )
