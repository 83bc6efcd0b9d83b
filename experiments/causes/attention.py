"""Attention: how scores are scaled, what may be looked at, over what the softmax runs; which is query, key and value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import permutations

import numpy as np

from experiments.causes._case import Case, Side, Stage
from experiments.causes._change import alternative, code, configured, cure, told, value, without
from experiments.causes._hypothesis import Hypothesis, Numbers, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None
NAMES = ("query", "key", "value")
LONGEST = 9
"""Windows of attention that are tried have fewer steps."""


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    side = case.reference
    if side.kind != "attention" or not side.inputs or side.output is None or not varied(side.output):
        return
    at = side.config.get("at", {})  # where it is written out by hand
    for family in (_scale, _mask, _order, _biases, _heads, _split):
        for each in family(case):
            yield replace(each, path=at.get(each.name, ""))


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
    yield from _triangles(case, line)
    if len(side.inputs) == 4:
        said = "Mask of the scores: there in the reference, missing in the port."
        line = _line(case, ", attn_mask=mask", ", mask=mask", ", mask=mask")
        yield alternative(case, "mask", said, line, replace(side, inputs=side.inputs[:3]))
        yield from _meaning(case, line)
    if causal or (len(side.inputs) == 4 and side.inputs[3].dtype == bool):
        yield from _filled(case, line)
    said = "Softmax of the scores: over the keys in the reference, over the queries in the port."
    yield alternative(case, "softmax", said, _line(case), configured(side, over=-2))


def _triangles(case: Case, line: str) -> Iterator[Hypothesis]:
    """Masks that are off by a step, or on the wrong side of the diagonal."""
    side = case.reference
    if "query" in side.parameters or len(side.inputs) < 3:
        return
    mine = "only what is not later" if side.config.get("causal") else "as it is"
    ones = np.ones((side.inputs[0].shape[-2], side.inputs[1].shape[-2]), dtype=bool)
    masks = {
        "also the next step": np.tril(ones, 1),
        "only what is earlier": np.tril(ones, -1),
        "only what is not earlier": np.triu(ones),
        "only what is later": np.triu(ones, 1),
    }
    own = bool(side.config.get("causal"))
    for width in range(1, min(len(ones), LONGEST)) if own else ():
        masks[f"only itself and the {width - 1} before it"] = np.tril(ones) & np.triu(ones, 1 - width)
    for words, mask in masks.items():
        said = f"What a step may look at: {mine} in the reference, {words} in the port."
        for fill in (-np.inf, -1e9):  # a row of which all is hidden looks at all alike, or is no number
            form = configured(replace(side, inputs=(*side.inputs[:3], mask)), causal=False, fill=fill)
            yield alternative(case, "mask", said, line, form)


def _filled(case: Case, line: str) -> Iterator[Hypothesis]:
    """What is hidden is not hidden, or hidden too late."""
    side = case.reference
    for fill in (0.0, 1.0, -1.0):
        said = f"Score of what may not be looked at: infinitely low in the reference, {told(fill)} in the port."
        yield alternative(case, "mask", said, line, configured(side, fill=fill))
    said = "Mask of the scores: in front of the softmax in the reference, behind it in the port."
    yield alternative(case, "mask", said, line, configured(side, behind=True))
    yield from _added(case, line)


def _added(case: Case, line: str) -> Iterator[Hypothesis]:
    """A mask of 0 and 1 is added as if it were one of scores."""
    side = case.reference
    if "query" in side.parameters or len(side.inputs) < 3:
        return
    seen = np.tril(np.ones((side.inputs[0].shape[-2], side.inputs[1].shape[-2])))
    seen = seen if side.config.get("causal") else side.inputs[3].astype(np.float64)
    said = "Mask of the scores: it hides in the reference, its zeros and ones are added in the port."
    form = configured(replace(side, inputs=(*side.inputs[:3], seen)), causal=False)
    yield alternative(case, "mask", said, line, form)


def _meaning(case: Case, line: str) -> Iterator[Hypothesis]:
    """True says "may be looked at" here and "is hidden" there."""
    side = case.reference
    mask = side.inputs[3]
    if mask.dtype == bool:
        said = "Mask of the scores: true says what may be looked at in the reference, what is hidden in the port."
        yield alternative(case, "mask", said, line, replace(side, inputs=(*side.inputs[:3], ~mask)))
    if mask.ndim > 1 and mask.shape[-1] == mask.shape[-2]:
        said = "Mask of the scores: [query, key] in the reference, transposed in the port."
        yield alternative(case, "mask", said, line, replace(side, inputs=(*side.inputs[:3], mask.swapaxes(-1, -2))))


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


def _split(case: Case) -> Iterator[Hypothesis]:
    """Of the function, whose heads are made before it: the same units, dealt out to the heads in another way."""
    side = case.reference
    if "query" in side.parameters or len(side.inputs) < 3 or any(x.ndim != 4 for x in side.inputs[:3]):
        return
    count, width = side.inputs[0].shape[1], side.inputs[0].shape[-1]
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
            said = f"Heads of the attention: {count} of {width} units, block by block in the reference, {words} in the port."
            yield Hypothesis("heads", said, line, _as_the_port(case, form), value(side), plain=_as_the_port(case, side))


Split = Callable[[np.ndarray], np.ndarray]


def _splits(count: int, width: int) -> Iterator[tuple[str, Split, int]]:
    """Units [batch, time, unit] to heads [batch, head, time, width]."""
    yield "dealt out one by one", lambda x: x.reshape(*x.shape[:2], width, count).transpose(0, 3, 1, 2), count
    yield "cut out of time and units without a transposition", lambda x: x.reshape(len(x), count, x.shape[1], width), count
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
