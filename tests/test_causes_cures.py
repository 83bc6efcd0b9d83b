"""The lines that cure: names and arguments that the port's framework has."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from experiments.causes import explain
from tests.ported import bench
from tests.ported_bench import Planted

DIALECTS = ("torch", "keras", "linen", "nnx")
PACKAGES = {
    "torch": ("torch",),
    "keras": ("keras",),
    "linen": ("flax.linen", "jax", "optax"),
    "nnx": ("flax.nnx", "jax", "optax"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_cure_is_a_line_of_names_and_arguments_that_the_framework_has(dialect: str) -> None:
    roots = frameworks(dialect)
    cures = {
        each.cure
        for fault in bench(0).faults
        for each in explain(fault.at(dialect), only=families(fault))
    }
    assert len(cures) > 60
    assert [wrong for line in sorted(cures) for wrong in wrong_calls(line, roots)] == []


def families(fault: Planted) -> set[str]:
    """The families of the causes that explain a fault: no other has anything to say of it
    (tests/test_causes.py).
    """
    return {key.partition(".")[0] for key in (fault.cause, *fault.same)}


@pytest.mark.parametrize("line", ["torch.nn.Linea(4)", "torch.nn.Linear(4, use_bias=True)"])
def test_a_wrong_cure_is_found(line: str) -> None:
    assert wrong_calls(line, frameworks("torch"))


def frameworks(dialect: str) -> dict[str, Any]:
    """The packages whose names stand in the lines of a dialect; a skip where they are not
    installed.
    """
    with warnings.catch_warnings():
        # what the frameworks say while they are imported is not ours to mend
        warnings.simplefilter("ignore")
        for package in PACKAGES[dialect]:
            pytest.importorskip(package)
        return {
            package.split(".")[0]: importlib.import_module(package.split(".")[0])
            for package in PACKAGES[dialect]
        }


def wrong_calls(line: str, roots: dict[str, Any]) -> Iterator[str]:
    """Names and arguments that are not there, of calls of the framework's own; another framework's
    names are all wrong.
    """
    for node in ast.walk(ast.parse(line)):
        name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        head = name.split(".")[0]
        if not isinstance(node, ast.Call) or not re.fullmatch(r"[\w.]+", name):
            continue
        if head in ("torch", "keras", "flax", "jax", "optax"):
            yield from (
                wrong_call(node, name, roots)
                if head in roots
                else [f"{name}: of another framework"]
            )


def wrong_call(node: ast.Call, name: str, roots: dict[str, Any]) -> Iterator[str]:
    called: Any = roots[name.split(".")[0]]
    for part in name.split(".")[1:]:
        called = getattr(called, part, None)
    if called is None:
        yield f"{name} is not there"
        return
    try:
        parameters = inspect.signature(
            called.__init__ if isinstance(called, type) else called
        ).parameters
    except ValueError:  # a builtin says nothing of its arguments
        return
    if not any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        yield from (
            f"{name} takes no {word.arg}" for word in node.keywords if word.arg not in parameters
        )
