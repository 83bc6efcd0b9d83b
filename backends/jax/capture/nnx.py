"""Flax nnx: a copy of the module, as flat dictionaries of arrays and a function that can be traced."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
from flax import nnx
from flax.traverse_util import flatten_dict

from .modules import called, cast, computes_in, flags
from .patched import Marked

Arrays = dict[str, Any]
PATH = "_captured_path"
"""An attribute of each module of the copy: it is static, so it goes with the module through `nnx.jit`, `split` and `merge`."""


def is_model(model: Any) -> bool:
    """Whether this is an nnx model."""
    return isinstance(model, nnx.Module)


class Model:
    """An nnx model: a copy, the user's own stays as it is.

    Attributes:
        parameters: By full name.
        state: All other variables by full name.
        statistics: The names of the state that are numbers, and not of a random stream.
        trainable: The names of the parameters that an optimiser moves.
        dtype: The precision of real numbers in a batch.
        api: Which of Flax's two interfaces it is of.
    """

    api = "nnx"

    def __init__(self, model: Any, *, training: bool, dtype: Any) -> None:
        self.dtype = dtype
        model = nnx.clone(model)
        model.train() if training else model.eval()
        self.type, self.flags = type(model), flags(type(model).__call__, training)
        for path, module in nnx.iter_modules(model):
            setattr(module, PATH, ".".join(map(str, path)))
            for name, value in computes_in(module, dtype).items():
                setattr(module, name, value)
        self.graph, parameters, random, rest = nnx.split(model, nnx.Param, nnx.RngState, ...)
        self.templates = parameters, random, rest
        flat = [flatten_dict(nnx.to_pure_dict(each)) for each in self.templates]
        self.paths = {_name(path): path for path in flat[0]}
        self.random = {_name(path): path for path in flat[1]}
        self.places = {_name(path): path for path in flat[2]}
        self.parameters: Arrays = cast({_name(path): value for path, value in flat[0].items()}, dtype)
        self.state: Arrays = cast({_name(path): value for each in flat[1:] for path, value in each.items()}, dtype)
        self.statistics = [name for name in self.places if jnp.issubdtype(self.state[name].dtype, jnp.number)]
        self.trainable = set(self.parameters)

    def nested(self, parameters: Arrays) -> Any:
        """The parameters as an optimiser of the user's knows them."""
        return _filled(self.templates[0], parameters, self.paths)

    def flat(self, nested: Any) -> Arrays:
        """Back."""
        return {_name(path): value for path, value in flatten_dict(nnx.to_pure_dict(nested)).items()}

    def forward(self, marked: Marked, parameters: Arrays, state: Arrays, x: tuple[Any, dict[str, Any]]) -> tuple[Any, Arrays]:
        """The output, and the state after."""
        _, random, rest = self.templates
        filled = _filled(random, state, self.random), _filled(rest, state, self.places)
        model = nnx.merge(self.graph, self.nested(parameters), *filled, copy=True)
        args, kwargs = x
        with contextlib.ExitStack() as scopes:
            scopes.enter_context(_patched(marked))
            for _, module in nnx.iter_modules(model):
                scopes.enter_context(marked.attributes(module))
            output = model(*args, **kwargs, **self.flags)
        _, *after = nnx.split(model, nnx.Param, nnx.RngState, ...)[1:]
        flat = {_name(path): value for each in after for path, value in flatten_dict(nnx.to_pure_dict(each)).items()}
        return output, {name: flat[name] for name in state}

    @contextlib.contextmanager
    def scope(self, marked: Marked) -> Iterator[None]:
        """In which the model is traced."""
        with marked.everywhere(self.type.__call__.__globals__):
            yield


@contextlib.contextmanager
def _patched(marked: Marked) -> Iterator[None]:
    """Every `__call__` of a module is marked."""
    kept = [(kind, vars(kind)["__call__"]) for kind in _classes(nnx.Module) if "__call__" in vars(kind)]
    running: list[Any] = []
    try:
        for kind, call in kept:
            kind.__call__ = _marking(marked, running, call)
        yield
    finally:
        for kind, call in kept:
            kind.__call__ = call


def _marking(marked: Marked, running: list[Any], call: Any) -> Any:
    def marking(module: Any, *args: Any, **kwargs: Any) -> Any:
        path = getattr(module, PATH, None)
        if path is None or any(module is each for each in running[-1:]):
            return call(module, *args, **kwargs)
        running.append(module)
        try:
            cell = getattr(module.cell, PATH, "") if isinstance(module, nnx.RNN) else ""
            return called(marked, module, path, cell, call.__get__(module), args, kwargs)
        finally:
            running.pop()

    marking.__wrapped__ = call  # the signature stays readable
    return marking


def _classes(kind: type) -> Iterator[Any]:
    for inner in kind.__subclasses__():
        yield inner
        yield from _classes(inner)


def _filled(template: Any, arrays: Arrays, paths: dict[str, tuple[Any, ...]]) -> Any:
    """The state with other arrays in it."""
    names = {path: name for name, path in paths.items()}
    variables = nnx.to_flat_state(template)
    return nnx.from_flat_state([(path, variable.replace(arrays[names[path]])) for path, variable in variables])


def _name(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))
