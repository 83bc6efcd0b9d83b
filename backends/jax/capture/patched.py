"""Functions that are met by name, marked.

For the time of a trace their names in the model's file, and in Flax and JAX, mean the marked ones.
So do attributes of modules that hold one.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx

from .functions import KNOWN, MIXING, arguments, attention, meaning
from .marks import Recorder, Site, is_real

LIBRARIES = ("jax", "jaxlib", "flax", "optax", "numpy", "chex", "orbax")


class Marked:
    """The known functions, each with its marked form."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.forms = {function: self._marked(function) for function in KNOWN}

    def instead(self, value: Any) -> Any:
        """What stands for the value.

        The marked form of a known function, also in a partial, a list or a dictionary.
        """
        if isinstance(value, functools.partial):
            return functools.partial(self.instead(value.func), *value.args, **value.keywords)
        if type(value) in (list, tuple) and any(callable(each) for each in value):
            return type(value)(self.instead(each) for each in value)
        if type(value) is dict and any(callable(each) for each in value.values()):
            return {key: self.instead(each) for key, each in value.items()}
        return self.forms.get(value, value) if callable(value) and is_hashable(value) else value

    def _marked(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def marked(*args: Any, **kwargs: Any) -> Any:
            if not self.recorder.open or not self._is_seen(function, self.recorder.open[-1]):
                return function(*args, **kwargs)
            return self._called(function, args, kwargs)

        return marked

    @staticmethod
    def _is_seen(function: Callable[..., Any], inside: Site) -> bool:
        """What a library layer does is its own business, except the function in attention."""
        return not inside.opaque or (
            inside.module and inside.kind == "attention" and KNOWN[function] is attention
        )

    def _called(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        site = self._site(function, args, kwargs)
        by_element = (
            site.kind == "activation"
            and site.config["name"] not in MIXING
            and args
            and is_real(args[0])
        )

        def slope(given: Any) -> Any:
            args, kwargs = given
            return derivative(lambda x: function(x, *args[1:], **kwargs), args[0])

        def value(given: Any) -> Any:
            return function(*given[0], **given[1])

        return self.recorder.call(site, (args, kwargs), value, slope if by_element else None)

    def _site(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Site:
        what = meaning(function, arguments(function, args, kwargs))
        path = f"{self.recorder.open[-1].path}:{what.type}"
        return Site(path, what.type, what.kind, what.config, opaque=True, module=False)

    @contextmanager
    def everywhere(self, *namespaces: dict[str, Any]) -> Iterator[None]:
        """In the libraries' own name spaces, and in every file that is not a library's."""
        spaces = [
            vars(nn),
            vars(nnx),
            vars(jax.nn),
            vars(jnp),
            vars(jax.lax),
            *namespaces,
            *_own_files(),
        ]
        undo: list[tuple[dict[str, Any], str, Any]] = []
        try:
            for space in spaces:
                for name, value in list(space.items()):
                    instead = self.instead(value) if not name.startswith("__") else value
                    if _replaced(value, instead):
                        undo.append((space, name, value))
                        space[name] = instead
            yield
        finally:
            for space, name, value in reversed(undo):
                space[name] = value

    @contextmanager
    def attributes(self, module: Any) -> Iterator[None]:
        """In the attributes of a module, past its own rules for setting them."""
        undo = [
            (name, value)
            for name, value in vars(module).items()
            if _replaced(value, self.instead(value))
        ]
        try:
            for name, value in undo:
                object.__setattr__(module, name, self.instead(value))
            yield
        finally:
            for name, value in undo:
                object.__setattr__(module, name, value)


def derivative(function: Callable[[Any], Any], x: Any) -> Any:
    """Of a function that works element by element: its derivative at each."""
    y, back = jax.vjp(function, x)
    return jax.lax.stop_gradient(back(jnp.ones_like(y))[0])


def is_hashable(value: Any) -> bool:
    """Whether it can be looked up: a bound linen module says that it can, and raises."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _replaced(value: Any, instead: Any) -> bool:
    if isinstance(value, functools.partial):
        return value.func is not instead.func
    if type(value) in (list, tuple):
        return any(a is not b for a, b in zip(value, instead, strict=True))
    if type(value) is dict:
        return any(a is not b for a, b in zip(value.values(), instead.values(), strict=True))
    return value is not instead


def _own_files() -> list[dict[str, Any]]:
    modules: Mapping[str, Any] = dict(sys.modules)
    return [vars(module) for name, module in modules.items() if _is_own(name, module)]


def _is_own(name: str, module: Any) -> bool:
    root = name.partition(".")[0]
    if root in LIBRARIES or (root in sys.stdlib_module_names and root != "__main__"):
        return False
    return hasattr(module, "__dict__") and "site-packages" not in (
        getattr(module, "__file__", None) or ""
    )
