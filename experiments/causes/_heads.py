"""Heads of an attention: the same units, dealt out in another way, or to another number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from experiments.causes._case import Case, Side
from experiments.causes._change import alternative, configured, cure, value
from experiments.causes._hypothesis import Hypothesis, Numbers


def of_module(case: Case) -> Iterator[Hypothesis]:
    """Of a module, which makes its heads itself.

    Units dealt out one by one, not block by block; another number of heads.
    """
    side = case.reference
    if "query" not in side.parameters:
        return
    said = (
        "Units of a head: a block of them in the reference, every so many-th of them in the port."
    )
    dealt = {name: _dealt(name, array) for name, array in side.parameters.items()}
    count, width = side.parameters["query"].shape[1:]
    line = cure(
        case,
        f"x.unflatten(-1, ({count}, {width})).transpose(1, 2)",
        f"keras.ops.reshape(x, (batch, time, {count}, {width}))",
        f"jax.numpy.reshape(x, (batch, time, {count}, {width}))",
    )
    yield alternative(case, "heads", said, line, replace(side, parameters=dealt))
    for other in range(1, count * width + 1):
        if (count * width) % other == 0 and other != count:
            said = f"Heads of the attention: {count} in the reference, {other} in the port."
            shaped = {
                name: _reshaped(name, array, other) for name, array in side.parameters.items()
            }
            line = (
                cure(
                    case,
                    f"torch.nn.MultiheadAttention(..., num_heads={count})",
                    f"keras.layers.MultiHeadAttention(num_heads={count}, ...)",
                    f"flax.linen.MultiHeadDotProductAttention(num_heads={count})",
                    f"flax.nnx.MultiHeadAttention(num_heads={count}, ...)",
                )
                .replace("(num_heads", "(..., num_heads")
                .replace(", ...)", ")")
            )
            form = configured(replace(side, parameters=shaped), scale=None)
            yield alternative(case, "heads", said, line, form)


def of_function(case: Case) -> Iterator[Hypothesis]:
    """Of the function, whose heads are made before it.

    The same units, dealt out to the heads in another way.
    """
    side = case.reference
    if (
        "query" in side.parameters
        or len(side.inputs) < 3
        or any(x.ndim != 4 for x in side.inputs[:3])
    ):
        return
    count = side.inputs[0].shape[1]
    width = side.inputs[0].shape[-1]
    line = cure(
        case,
        f"x.view(batch, time, {count}, {width}).transpose(1, 2)",
        f"keras.ops.transpose(keras.ops.reshape(x, (batch, time, {count}, {width})), (0, 2, 1, 3))",
        f"jax.numpy.reshape(x, (batch, time, {count}, {width}))",
    )
    for words, split, heads in _splits(count, width):
        inputs = (*(split(_merged(x)) for x in side.inputs[:3]), *side.inputs[3:])
        own = side.config.get("scale")
        for scale in dict.fromkeys((own, None) if heads != count else (own,)):
            form = configured(replace(side, inputs=inputs), scale=scale)
            said = (
                f"Heads of the attention: {count} of {width} units, block by block in the "
                f"reference, {words} in the port."
            )
            yield Hypothesis(
                "heads",
                said,
                line,
                _as_the_port(case, form),
                value(side),
                plain=_as_the_port(case, side),
            )


Split = Callable[[np.ndarray], np.ndarray]


def _splits(count: int, width: int) -> Iterator[tuple[str, Split, int]]:
    """Units [batch, time, unit] to heads [batch, head, time, width]."""
    yield (
        "dealt out one by one",
        lambda x: x.reshape(*x.shape[:2], width, count).transpose(0, 3, 1, 2),
        count,
    )
    yield (
        "cut out of time and units without a transposition",
        lambda x: x.reshape(len(x), count, x.shape[1], width),
        count,
    )
    for other in range(1, count * width + 1):
        if (count * width) % other == 0 and other != count:
            yield f"{other} of {count * width // other}", _blocks(other), other


def _blocks(count: int) -> Split:
    return lambda x: x.reshape(*x.shape[:2], count, -1).swapaxes(1, 2)


def _merged(x: np.ndarray) -> np.ndarray:
    """Heads [batch, head, time, width] to units [batch, time, unit]."""
    y = x.swapaxes(1, 2)
    return y.reshape(*y.shape[:2], -1)


def _as_the_port(case: Case, side: Side) -> Numbers:
    """By heads, or with the heads brought back, whichever the port's value is."""
    single = case.port.output is not None and case.port.output.ndim == 3
    return lambda: _merged(value(side)()) if single else value(side)()


def _dealt(name: str, array: np.ndarray) -> np.ndarray:
    """[.., heads, width] as if it were [.., width, heads]."""
    if name == "out_bias":
        return array
    if name == "out":
        heads, width, out = array.shape
        return array.reshape(width, heads, out).swapaxes(0, 1)
    *front, heads, width = array.shape
    return array.reshape(*front, width, heads).swapaxes(-1, -2)


def _reshaped(name: str, array: np.ndarray, heads: int) -> np.ndarray:
    if name == "out_bias":
        return array
    if name == "out":
        return array.reshape(heads, -1, array.shape[-1])
    *front, count, width = array.shape
    return array.reshape(*front, heads, count * width // heads)
