"""Attention: how scores are scaled, what may be looked at, over what the softmax runs; which is query, key and value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import numpy as np

from experiments.causes._case import Case, Side, Stage
from experiments.causes._change import alternative, code, configured, cure, told, without
from experiments.causes._hypothesis import Hypothesis, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None
NAMES = ("query", "key", "value")


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    side = case.reference
    if side.kind != "attention" or not side.inputs or side.output is None or not varied(side.output):
        return
    yield from _scale(case)
    yield from _mask(case)
    yield from _order(case)
    yield from _biases(case)
    yield from _heads(case)


def _width(side: Side) -> int:
    """Of one head."""
    return side.parameters["query"].shape[-1] if "query" in side.parameters else side.inputs[0].shape[-1]


def _heads_of(side: Side) -> int:
    return side.parameters["query"].shape[1] if "query" in side.parameters else side.inputs[0].shape[1]


def _line(case: Case, torch: str = "", keras: str = "", jax: str = "") -> str:
    torch = f"torch.nn.functional.scaled_dot_product_attention(query, key, value{torch})"
    keras = f"keras.ops.dot_product_attention(query, key, value{keras})"
    return cure(case, torch, keras, f"jax.nn.dot_product_attention(query, key, value{jax})")


def _scale(case: Case) -> Iterator[Hypothesis]:
    """Of the scores, before the softmax."""
    side = case.reference
    width, heads = _width(side), _heads_of(side)
    usual = width**-0.5
    mine = side.config.get("scale") or usual
    words = {
        usual: "1 / sqrt(width of a head)",
        1.0: "none",
        1 / width: "1 / width of a head",
        (heads * width) ** -0.5: "1 / sqrt(width of all heads)",
        usual**2 * usual: "twice scaled",
        width**0.5: "sqrt(width of a head)",
    }
    stated = case.port.config.get("scale")
    for its in {**words, **({stated: "as stated"} if stated else {})}:
        if its != mine:
            ours, theirs = words.get(mine, ""), words.get(its, "as it states")
            said = f"Scale of the scores: {told(mine)} ({ours}) in the reference, {told(its)} ({theirs}) in the port."
            text = code(mine)
            line = _line(case, f", scale={text}", f", scale={text}", f", scale={text}")
            yield alternative(case, "scale", said.replace(" ()", ""), line, configured(side, scale=its))


def _mask(case: Case) -> Iterator[Hypothesis]:
    side = case.reference
    causal = bool(side.config.get("causal"))
    words = {True: "only what is not later", False: "all"}
    said = f"What a step may look at: {words[causal]} in the reference, {words[not causal]} in the port."
    keras = ", is_causal=True" if causal else ""
    line = _line(case, f", is_causal={causal}", keras, f", is_causal={causal}")
    yield alternative(case, "causal", said, line, configured(side, causal=not causal))
    if len(side.inputs) == 4:
        said = "Mask of the scores: there in the reference, missing in the port."
        line = _line(case, ", attn_mask=mask", ", mask=mask", ", mask=mask")
        yield alternative(case, "mask", said, line, replace(side, inputs=side.inputs[:3]))
        yield from _meaning(case, line)
    said = "Softmax of the scores: over the keys in the reference, over the queries in the port."
    yield alternative(case, "softmax", said, _line(case), configured(side, over=-2))


def _meaning(case: Case, line: str) -> Iterator[Hypothesis]:
    """True says "may be looked at" here and "is hidden" there."""
    side = case.reference
    mask = side.inputs[3]
    if mask.dtype == bool:
        said = "Mask of the scores: true says what may be looked at in the reference, what is hidden in the port."
        yield alternative(case, "mask", said, line, replace(side, inputs=(*side.inputs[:3], ~mask)))


def _order(case: Case) -> Iterator[Hypothesis]:
    """Query, key and value in each other's place."""
    side = case.reference
    for order in permutations(range(3)):
        if order == (0, 1, 2):
            continue
        words = ", ".join(NAMES[each] for each in order)
        said = f"Order of query, key and value: as named in the reference, {words} in their places in the port."
        for other in _ordered(side, order):
            yield alternative(case, "order", said, _line(case), other)


def _ordered(side: Side, order: tuple[int, ...]) -> Iterator[Side]:
    """The inputs, and of a module its weights."""
    if len(side.inputs) >= 3:
        yield replace(side, inputs=(*(side.inputs[each] for each in order), *side.inputs[3:]))
    if "query" in side.parameters:
        arrays = dict(side.parameters)
        for suffix in ("", "_bias"):
            given = {f"{NAMES[i]}{suffix}": side.parameters.get(f"{NAMES[each]}{suffix}") for i, each in enumerate(order)}
            arrays |= {name: array for name, array in given.items() if array is not None}
        yield replace(side, parameters=arrays)


def _biases(case: Case) -> Iterator[Hypothesis]:
    side = case.reference
    every = [name for name in side.parameters if name.endswith("_bias")]
    line = cure(
        case,
        "torch.nn.MultiheadAttention(..., bias=True)",
        "keras.layers.MultiHeadAttention(..., use_bias=True)",
        "flax.linen.MultiHeadDotProductAttention(..., use_bias=True)",
        "flax.nnx.MultiHeadAttention(..., use_bias=True)",
    )
    for names in ([each] for each in every):
        said = f"Bias of the attention's {names[0].removesuffix('_bias')}: there in the reference, missing in the port."
        yield alternative(case, "bias", said, line, without(side, *names))
    said = "Biases of the attention: there in the reference, missing in the port."
    yield alternative(case, "bias", said, line, without(side, *every))


def _heads(case: Case) -> Iterator[Hypothesis]:
    """Units dealt out to the heads one by one, not block by block; no output map; heads read as steps."""
    side = case.reference
    if "query" not in side.parameters:
        return
    said = "Units of a head: a block of them in the reference, every so many-th of them in the port."
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
            shaped = {name: _reshaped(name, array, other) for name, array in side.parameters.items()}
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
