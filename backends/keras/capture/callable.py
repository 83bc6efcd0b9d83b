"""The functions of Keras and TensorFlow that people call, and where they stand."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import FunctionType, ModuleType
from typing import Any

import tensorflow as tf

from .record import Recorder

FRAMEWORKS = ("keras", "tensorflow")


MODULES = ("activations", "random", "ops", "ops.numpy", "ops.nn", "ops.image", "ops.linalg")


SPACES = tuple(f"{root}.{name}" for root in ("keras", "keras._tf_keras.keras") for name in MODULES)
"""Where Keras has the functions that people call between layers."""


Functions = dict[str, Callable[..., Any]]


CURRENT: ContextVar[Recorder | None] = ContextVar("CURRENT", default=None)
"""Who is told now of the functions that are called."""


def loaded() -> tuple[str, ...]:
    """Keras' modules of functions, as far as they are imported."""
    return tuple(name for name in SPACES if name in sys.modules)


@functools.cache
def known_functions(spaces: tuple[str, ...]) -> list[tuple[ModuleType, Functions, Functions]]:
    """Each module with the functions that people call, by name, and what is to replace them."""
    modules = {space: sys.modules[space] for space in spaces}
    modules |= {
        f"tf.{name}": getattr(tf, name) for name in ("nn", "math", "linalg", "image", "signal")
    }
    seen: dict[Callable[..., Any], Callable[..., Any]] = {}
    found = []
    for space, module in (*modules.items(), ("tf", tf)):
        functions = {
            name: value
            for name, value in vars(module).items()
            if _is_function(value) and not name.startswith("_")
        }
        for name, function in functions.items():
            seen.setdefault(
                function,
                watched(function, name, f"{space.removeprefix('keras._tf_keras.')}.{name}"),
            )
        found.append(
            (module, functions, {name: seen[function] for name, function in functions.items()})
        )
    return found


def _is_function(value: Any) -> bool:
    """Whether it is a function of the frameworks that computes something."""
    return isinstance(value, FunctionType) and value.__module__.split(".")[0] in FRAMEWORKS


@functools.cache
def watched(function: Callable[..., Any], name: str, said: str) -> Callable[..., Any]:
    """The function, told to the recorder where it is called by somebody's own code."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        recorder = CURRENT.get()
        if recorder is None or recorder.course.quiet or _from_framework():
            return function(*args, **kwargs)
        return recorder.function(function, name, said, args, kwargs)

    return call


def _from_framework() -> bool:
    """Whether what calls the caller of this is Keras, TensorFlow or this package itself."""
    name = sys._getframe(2).f_globals.get("__name__", "")
    return name.split(".")[0] in FRAMEWORKS or name.rpartition(".")[0] == __package__
