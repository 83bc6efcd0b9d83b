"""Flax linen: module and variables, as flat dictionaries of arrays and a traceable function."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from .modules import called, cast, computes_in, file_of, flags
from .patched import Marked

Arrays = dict[str, Any]
STATISTICS = "batch_stats"


def is_model(model: Any) -> bool:
    """Whether this is a linen model: a module, or a module with its variables."""
    return isinstance(model[0] if isinstance(model, tuple) else model, nn.Module)


class Model:
    """A linen model.

    Attributes:
        parameters: By full name.
        state: All other variables by full name; outside of batch_stats their own is
            `collection/name`.
        statistics: The names of the state that are numbers.
        trainable: The names of the parameters that an optimiser moves.
        dtype: The precision of real numbers in a batch.
        api: Which of Flax's two interfaces it is of.
    """

    api = "linen"

    def __init__(self, model: Any, x: Any, *, training: bool, dtype: Any, seed: int) -> None:
        self.module, variables = model if isinstance(model, tuple) else (model, None)
        self.module = _told(self.module, training)
        self.flags = flags(type(self.module).__call__, training)
        self.dtype = dtype
        self.key = jax.random.key(seed)
        variables = nn.meta.unbox(self._drawn(x) if variables is None else variables)
        if not isinstance(variables, Mapping) or (
            variables and "params" not in variables and _nested(variables)
        ):
            raise ValueError(
                "a linen model's variables have a collection 'params'; received "
                f"{sorted(variables)}"
            )
        variables = {name: cast(dict(each), dtype) for name, each in variables.items()}
        self.paths = {_name(path): path for path in flatten_dict(variables) if path[0] == "params"}
        self.places = {_name(path): path for path in flatten_dict(variables) if path[0] != "params"}
        flat = flatten_dict(variables)
        self.parameters: Arrays = {
            name: jnp.asarray(flat[path]) for name, path in self.paths.items()
        }
        self.state: Arrays = {name: jnp.asarray(flat[path]) for name, path in self.places.items()}
        self.statistics = [
            name for name, value in self.state.items() if jnp.issubdtype(value.dtype, jnp.number)
        ]
        self.trainable = set(self.parameters)

    def _drawn(self, x: tuple[Any, dict[str, Any]]) -> Any:
        """What `init` gives, in the model's own precision.

        The numbers that the user's program starts from.
        """
        if self.dtype is None:
            return self._initialized(x)
        try:
            return self._initialized(cast(x, jnp.float32))
        # an initializer without a dtype draws doubles where JAX works in them, and they fit no
        # single
        except TypeError:
            return self._initialized(cast(x, self.dtype))

    def _initialized(self, x: tuple[Any, dict[str, Any]]) -> Any:
        told = flags(type(self.module).__call__, training=False)
        args, kwargs = x

        def init(key: Any, args: Any, kwargs: Any) -> Any:
            return self.module.init({"params": key, "dropout": key}, *args, **kwargs, **told)

        return jax.jit(init)(self.key, args, kwargs)

    def nested(self, parameters: Arrays) -> Any:
        """The parameters as an optimiser of the user's knows them."""
        return unflatten_dict({self.paths[name][1:]: value for name, value in parameters.items()})

    def flat(self, nested: Any) -> Arrays:
        """Back."""
        return {_name(("params", *path)): value for path, value in flatten_dict(nested).items()}

    def forward(
        self, marked: Marked, parameters: Arrays, state: Arrays, x: tuple[Any, dict[str, Any]]
    ) -> tuple[Any, Arrays]:
        """The output, and the state after."""
        variables = unflatten_dict({self.places[name]: value for name, value in state.items()})
        collections = list(variables)
        variables["params"] = self.nested(parameters)
        args, kwargs = x
        rngs = {"params": self.key, "dropout": jax.random.fold_in(self.key, 1)}
        with _constructed_in(self.dtype), nn.intercept_methods(_Interceptor(marked, self.dtype)):
            output, after = self.module.apply(
                variables, *args, **kwargs, **self.flags, rngs=rngs, mutable=collections
            )
        return output, {
            _name(path): value
            for path, value in flatten_dict(dict(after)).items()
            if _name(path) in state
        }

    @contextlib.contextmanager
    def scope(self, marked: Marked) -> Iterator[None]:
        """In which the model is traced."""
        with marked.everywhere(file_of(self.module)):
            yield


class _Interceptor:
    """Marks each call of a module."""

    def __init__(self, marked: Marked, dtype: Any) -> None:
        self.marked = marked
        self.dtype = dtype
        self.running: list[Any] = []

    def __call__(
        self, following: Any, args: Any, kwargs: Any, context: nn.module.InterceptorContext
    ) -> Any:
        module = context.module
        if context.method_name != "__call__" or any(module is each for each in self.running[-1:]):
            return following(*args, **kwargs)
        _compute_in(module, self.dtype)
        self.running.append(module)
        try:
            return called(
                self.marked, module, ".".join(module.path), _cell(module), following, args, kwargs
            )
        finally:
            self.running.pop()


def _compute_in(module: Any, dtype: Any) -> None:
    for name, value in computes_in(module, dtype).items():
        object.__setattr__(module, name, value)


@contextlib.contextmanager
def _constructed_in(dtype: Any) -> Iterator[None]:
    """Modules that are made while the model runs compute in this precision.

    A cell makes a carry before it is called.
    """
    kept = nn.Module.__post_init__

    def constructed(self: Any) -> None:
        _compute_in(self, dtype)
        kept(self)

    try:
        nn.Module.__post_init__ = constructed
        yield
    finally:
        nn.Module.__post_init__ = kept


def _cell(module: Any) -> str:
    return ".".join(module.cell.path) if isinstance(module, nn.RNN) else ""


def _told(module: Any, training: bool) -> Any:
    """The module with those of its own fields set that say whether it trains."""
    fields = {field.name for field in dataclasses.fields(module) if field.init}
    told = flags(type(module).__call__, training)
    own = {
        name: value
        for name, value in flags(type(module), training).items()
        if name in fields and name not in told
    }
    return module.clone(**own) if own else module


def _name(path: tuple[str, ...]) -> str:
    collection, *inner, last = path
    return ".".join(
        [*inner, last if collection in ("params", STATISTICS) else f"{collection}/{last}"]
    )


def _nested(variables: Mapping[str, Any]) -> bool:
    return any(isinstance(each, Mapping) for each in variables.values())
