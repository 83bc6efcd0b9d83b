"""Flax nnx: a copy of the module, as flat dictionaries of arrays and a traceable function."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
from flax import nnx
from flax.traverse_util import flatten_dict

from .modules import called, cast, computes_in, file_of, flags
from .patched import Marked

Arrays = dict[str, Any]
PATH = "_captured_path"
"""An attribute of each module of the copy: it is static, so it goes with the module through
`nnx.jit`, `split` and `merge`."""


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
        first = _first_paths(model)
        self.names = {
            path: first.get(id(node), _name(path)) for path, node in nnx.iter_graph(model)
        }
        model = nnx.clone(model)
        model.train() if training else model.eval()
        self.file = file_of(model)
        self.flags = flags(type(model).__call__, training)
        for path, module in nnx.iter_modules(model):
            setattr(module, PATH, self.names[path])
            for name, value in computes_in(module, dtype).items():
                setattr(module, name, value)
        self.graph, parameters, random, rest = nnx.split(model, nnx.Param, nnx.RngState, ...)
        self.templates = parameters, random, rest
        flat = [self._flat(each) for each in self.templates]
        self.parameters: Arrays = cast(flat[0], dtype)
        self.state: Arrays = cast(flat[1] | flat[2], dtype)
        self.statistics = [
            name for name in flat[2] if jnp.issubdtype(self.state[name].dtype, jnp.number)
        ]
        self.trainable = set(self.parameters)

    def nested(self, parameters: Arrays) -> Any:
        """The parameters as an optimiser of the user's knows them."""
        return self._filled(self.templates[0], parameters)

    def flat(self, nested: Any) -> Arrays:
        """Back."""
        return self._flat(nested)

    def forward(
        self, marked: Marked, parameters: Arrays, state: Arrays, x: tuple[Any, dict[str, Any]]
    ) -> tuple[Any, Arrays]:
        """The output, and the state after."""
        _, random, rest = self.templates
        filled = self._filled(random, state), self._filled(rest, state)
        model = nnx.merge(self.graph, self.nested(parameters), *filled, copy=True)
        args, kwargs = x
        with contextlib.ExitStack() as scopes:
            scopes.enter_context(_patched(marked))
            for _, module in nnx.iter_modules(model):
                scopes.enter_context(marked.attributes(module))
            output = model(*args, **kwargs, **self.flags)
        _, *after = nnx.split(model, nnx.Param, nnx.RngState, ...)[1:]
        flat = self._flat(after[0]) | self._flat(after[1])
        return output, {name: flat[name] for name in state}

    def _flat(self, state: Any) -> Arrays:
        return {
            self._named(path): value
            for path, value in flatten_dict(nnx.to_pure_dict(state)).items()
        }

    def _filled(self, template: Any, arrays: Arrays) -> Any:
        """The state with other arrays in it."""
        variables = nnx.to_flat_state(template)
        return nnx.from_flat_state(
            [(path, _with(leaf, arrays[self._named(path)])) for path, leaf in variables]
        )

    def _named(self, path: tuple[Any, ...]) -> str:
        return self.names.get(path, _name(path))

    @contextlib.contextmanager
    def scope(self, marked: Marked) -> Iterator[None]:
        """In which the model is traced."""
        with marked.everywhere(self.file):
            yield


@contextlib.contextmanager
def _patched(marked: Marked) -> Iterator[None]:
    """Every `__call__` of a module is marked."""
    kept = [
        (kind, vars(kind)["__call__"]) for kind in _classes(nnx.Module) if "__call__" in vars(kind)
    ]
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


def _first_paths(model: Any) -> dict[int, str]:
    """By identity, the first path of each module and variable in the order attributes were set.

    Trap: nnx itself goes by the alphabet, so that a layer that is shared has the path whose name
    comes first there.
    """
    found: dict[int, str] = {}

    def visit(node: Any, path: tuple[Any, ...]) -> None:
        if id(node) in found:
            return
        found[id(node)] = _name(path)
        for name, child in _children(node):
            visit(child, (*path, name))

    visit(model, ())
    return found


def _children(node: Any) -> list[tuple[Any, Any]]:
    if isinstance(node, nnx.Pytree):
        return [
            (name, child) for name, child in vars(node).items() if not name.startswith("_pytree__")
        ]
    if isinstance(node, dict):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, list | tuple) else []


def _with(leaf: Any, value: Any) -> Any:
    """A variable with another value; an array that is none is the value."""
    return leaf.replace(value) if isinstance(leaf, nnx.Variable) else value


def _name(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))
