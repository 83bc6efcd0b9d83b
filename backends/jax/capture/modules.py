"""A call of a module, whatever the API.

What it is, that it is marked, and that no dropout is drawn in it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from .known import Call, describe, is_flax, owner_of
from .marks import Recorder, Site, tensors
from .patched import Marked

TRAINING = ("train", "training", "is_training")
EVALUATING = ("deterministic", "use_running_average", "eval", "inference")


def flags(function: Callable[..., Any], training: bool) -> dict[str, bool]:
    """The arguments by which a model is told whether it trains."""
    names = inspect.signature(function).parameters
    told = {name: training for name in TRAINING if name in names}
    return told | {name: not training for name in EVALUATING if name in names}


def file_of(model: Any) -> dict[str, Any]:
    """The names in the file of the model's class."""
    return getattr(inspect.unwrap(type(model).__call__), "__globals__", {})


def called(
    marked: Marked,
    module: Any,
    path: str,
    cell: str,
    body: Callable[..., Any],
    args: Any,
    kwargs: Any,
) -> Any:
    """What the module returns, as a place.

    Args:
        marked: The marked functions, and the recorder.
        module: The module.
        path: Its path.
        cell: Of a recurrent module: the path of its cell.
        body: What the module does, of its arguments.
        args: The arguments of the call.
        kwargs: Likewise.
    """
    if marked.recorder.hidden:
        return body(*args, **kwargs)
    inputs = tensors((args, kwargs))
    first = inputs[0] if inputs else jnp.zeros(())
    call = Call(module, prefix(path), first, _given(module, args, kwargs), prefix(cell))
    known = describe(call)
    site = Site(
        path, type(module).__name__, known.kind, known.config, known.opaque, form=known.form
    )
    with ExitStack() as scopes:
        if known.kind == "dropout":
            return marked.recorder.call(
                site, (args, kwargs), lambda given: _undropped(marked.recorder, site, *given)
            )
        if not known.opaque or known.kind == "attention":
            scopes.enter_context(marked.attributes(module))
        if known.kind == "attention":
            kwargs = kwargs | scopes.enter_context(_without_dropout(marked.recorder, call, path))
        return marked.recorder.call(site, (args, kwargs), lambda given: body(*given[0], **given[1]))


def prefix(path: str) -> str:
    """What the names of the parameters begin with."""
    return f"{path}." if path else ""


def _given(module: Any, args: Any, kwargs: Any) -> Mapping[str, Any]:
    if not is_flax(owner_of(type(module))):
        return {}
    return inspect.signature(type(module).__call__).bind(module, *args, **kwargs).arguments


def _undropped(recorder: Recorder, site: Site, args: Any, kwargs: Any) -> Any:
    if site.config["active"]:
        recorder.remark(
            "dropout is off in what is captured: its numbers are drawn, and others in each "
            "framework"
        )
    return args[0] if args else kwargs["inputs"]


@contextmanager
def _without_dropout(recorder: Recorder, call: Call, path: str) -> Iterator[dict[str, bool]]:
    """A module of attention draws nothing; gives what is to be added to the arguments of its call.

    Trap: without dropout nnx calls `jax.nn.dot_product_attention`, whose softmax is in float32
    whatever the precision. With a rate, and deterministic, it takes its own, in the precision of
    the input.
    """
    rate = call.module.dropout_rate
    if rate > 0 and not call.get("deterministic", False):
        recorder.remark(
            f"the dropout of the attention {path} (rate {rate:g}) is off in what is captured"
        )
    own = recorder.double and isinstance(call.module, nnx.MultiHeadAttention)
    object.__setattr__(call.module, "dropout_rate", 0.5 if own else 0.0)
    try:
        yield {"deterministic": True} if own else {}
    finally:
        object.__setattr__(call.module, "dropout_rate", rate)


def cast(tree: Any, dtype: Any) -> Any:
    """Real numbers in another precision; the rest as it is."""

    def one(leaf: Any) -> Any:
        real = hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating)
        return jnp.asarray(leaf, dtype) if real else leaf

    return tree if dtype is None else jax.tree.map(one, tree)


def computes_in(module: Any, dtype: Any) -> dict[str, Any]:
    """The attributes of a module that say in which precision it computes, and their new values."""
    names = ("dtype", "param_dtype")
    return (
        {}
        if dtype is None
        else {name: dtype for name in names if _is_real(getattr(module, name, None))}
    )


def _is_real(dtype: Any) -> bool:
    try:
        return dtype is not None and jnp.issubdtype(dtype, jnp.floating)
    except TypeError:
        return False
