"""The scope in which a model is seen.

Keras' calls, functions and operators pass by a recorder, and are put back at the end.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

import keras
import tensorflow as tf

from .callable import CURRENT, FRAMEWORKS, known_functions, loaded, watched
from .functions import name_of
from .kinds import ours
from .record import Recorder
from .taps import splits

L = keras.layers

OPERATORS = {
    **{"__add__": "add", "__radd__": "add", "__sub__": "subtract", "__rsub__": "subtract"},
    **{
        "__mul__": "multiply",
        "__rmul__": "multiply",
        "__truediv__": "divide",
        "__rtruediv__": "divide",
    },
    **{"__matmul__": "matmul", "__rmatmul__": "matmul", "__pow__": "power", "__rpow__": "power"},
    **{"__neg__": "negative", "__abs__": "absolute", "__getitem__": "get_item"},
}

DROPOUTS = {
    L.Dropout: ("rate",),
    L.GaussianDropout: ("rate",),
    L.AlphaDropout: ("rate",),
    L.GaussianNoise: ("stddev",),
    L.MultiHeadAttention: ("_dropout",),
    L.SimpleRNNCell: ("dropout", "recurrent_dropout"),
    L.LSTMCell: ("dropout", "recurrent_dropout"),
    L.GRUCell: ("dropout", "recurrent_dropout"),
}
"""By class, the attributes that turn its chance on."""


@contextmanager
def observed(recorder: Recorder, layers: list[Any]) -> Iterator[None]:
    """A scope in which each layer and function that runs is told to the recorder."""
    with ExitStack() as stack:
        stack.callback(CURRENT.reset, CURRENT.set(recorder))
        open_functions(stack)
        _watch_operations(stack, recorder)
        _undo_rematerialization(stack)
        replaced = _watch_functions(stack)
        _watch_operators(stack)
        for layer in layers:
            _watch_inside(stack, recorder, layer, replaced)
        _watch_own_names(stack, layers, replaced)
        yield


def quiet_dropout(stack: ExitStack, layers: list[Any]) -> dict[int, float]:
    """Turn the chance of all layers off until the stack is closed.

    Returns:
        By the id of each layer that had a rate above 0, that rate.
    """
    found: dict[int, float] = {}
    for layer in layers:
        for known, names in DROPOUTS.items():
            for name in names if isinstance(layer, known) else ():
                rate = float(vars(layer)[name] or 0)
                if rate:
                    _set(stack, layer, name, 0.0)
                    found[id(layer)] = rate
    return found


def _set(stack: ExitStack, owner: Any, name: str, value: Any) -> None:
    """Set an attribute past what the owner does when one is set, until the stack is closed."""
    if isinstance(owner, type | ModuleType):
        stack.callback(setattr, owner, name, vars(owner)[name])
        setattr(owner, name, value)
        return
    held = vars(owner)
    if name in held:
        stack.callback(held.__setitem__, name, held[name])
    else:
        stack.callback(held.pop, name)
    held[name] = value


def _watch_operations(stack: ExitStack, recorder: Recorder) -> None:
    original = keras.Operation.__call__

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        return recorder.operation(original, operation, args, kwargs)

    _set(stack, keras.Operation, "__call__", call)


def open_functions(stack: ExitStack) -> None:
    """Somebody's own `tf.function`s run as plain Python until the stack is closed.

    Trap: `tf.config.run_functions_eagerly` opens Keras' own as well, and on a CPU a convolution in
    groups has a gradient in a compiled function only. A method that was traced before is held as
    what AutoGraph has made of it.
    """
    compiled = type(tf.function(tf.identity))
    original = compiled.__call__

    def call(function: Any, *args: Any, **kwargs: Any) -> Any:
        python = function.python_function
        if getattr(inspect.unwrap(python), "__module__", "").split(".")[0] in FRAMEWORKS:
            return original(function, *args, **kwargs)
        method = getattr(python, "__original_wrapped__", None)
        if method is None:
            return python(*args, **kwargs)
        return method.__self__.call(args, kwargs)

    _set(stack, compiled, "__call__", call)


def _undo_rematerialization(stack: ExitStack) -> None:
    """What would be computed again in the backward pass is computed once.

    The same numbers, seen once and with gradients.
    """
    bound = type(tf.recompute_grad(tf.identity))
    original = bound.__call__

    def call(function: Any, *args: Any, **kwargs: Any) -> Any:
        inner = vars(function).get("_f")
        if getattr(inner, "__qualname__", "").startswith("recompute_grad."):
            return function.__wrapped__(*args, **kwargs)
        return original(function, *args, **kwargs)

    _set(stack, bound, "__call__", call)


def _watch_functions(stack: ExitStack) -> dict[int, Callable[..., Any]]:
    """Replace the frameworks' functions where people find them.

    By the id of each, what stands in its place.
    """
    replaced: dict[int, Callable[..., Any]] = {}
    for module, functions, seen in known_functions(loaded()):
        names = vars(module)
        stack.callback(names.update, {name: names[name] for name in functions})
        names.update(seen)
        replaced |= {id(function): seen[name] for name, function in functions.items()}
    return replaced


def _watch_operators(stack: ExitStack) -> None:
    for known in (tf.Tensor, tf.Variable, keras.Variable):
        for operator, name in OPERATORS.items():
            owner = next((base for base in known.__mro__ if operator in vars(base)), None)
            if owner is not None and owner is not object:
                _set(
                    stack,
                    owner,
                    operator,
                    watched(vars(owner)[operator], name, f"{known.__name__}.{operator}"),
                )


def _watch_inside(
    stack: ExitStack, recorder: Recorder, layer: Any, replaced: dict[int, Callable[..., Any]]
) -> None:
    """What a layer holds and calls.

    Its inner activation, what an attention does with its heads, functions as attributes.
    """
    if splits(layer):
        _set(stack, layer, "activation", _told(recorder.activation, layer, layer.activation))
    elif not ours(layer):
        for name, value in list(vars(layer).items()):
            if id(value) in replaced:
                _set(stack, layer, name, replaced[id(value)])
    if isinstance(layer, L.MultiHeadAttention) and hasattr(layer, "_compute_attention"):
        _set(
            stack,
            layer,
            "_compute_attention",
            _told(recorder.attention, layer, layer._compute_attention),
        )


def _told(
    record: Callable[..., Any], layer: Any, function: Callable[..., Any]
) -> Callable[..., Any]:
    def told(*args: Any, **kwargs: Any) -> Any:
        return record(layer, function, args, kwargs)

    told.__name__ = name_of(function)  # a recurrent cell is asked for it while it is watched
    return told


def _watch_own_names(
    stack: ExitStack, layers: list[Any], replaced: dict[int, Callable[..., Any]]
) -> None:
    """`from keras.ops import relu` in the files that the model's classes come from."""
    names = {type(layer).__module__ for layer in layers if not ours(layer)}
    for module in (sys.modules.get(name) for name in (*sorted(names), "__main__")):
        for name, value in list(vars(module).items()) if module is not None else ():
            if id(value) in replaced:
                _set(stack, module, name, replaced[id(value)])
