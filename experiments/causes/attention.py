"""Attention.

How scores are scaled, what may be looked at, over what the softmax runs; which is query, key and
value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import numpy as np

from experiments.causes import _heads
from experiments.causes._case import Case, Side, Stage
from experiments.causes._change import alternative, code, configured, cure, told, without
from experiments.causes._hypothesis import Hypothesis, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None
NAMES = ("query", "key", "value")
LONGEST = 9
"""Windows of attention that are tried have fewer steps."""


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    side = case.reference
    if (
        side.kind != "attention"
        or not side.inputs
        or side.output is None
        or not varied(side.output)
    ):
        return
    at = side.config.get("at", {})  # where it is written out by hand
    for family in (_scale, _mask, _order, _biases, _heads.of_module, _heads.of_function):
        for each in family(case):
            yield replace(each, path=at.get(each.name, ""))


def _width(side: Side) -> int:
    """Of one head."""
    return (
        side.parameters["query"].shape[-1]
        if "query" in side.parameters
        else side.inputs[0].shape[-1]
    )


def _heads_of(side: Side) -> int:
    return (
        side.parameters["query"].shape[1] if "query" in side.parameters else side.inputs[0].shape[1]
    )


def _line(case: Case, torch: str = "", keras: str = "", jax: str = "") -> str:
    torch = f"torch.nn.functional.scaled_dot_product_attention(query, key, value{torch})"
    keras = f"keras.ops.dot_product_attention(query, key, value{keras})"
    return cure(case, torch, keras, f"jax.nn.dot_product_attention(query, key, value{jax})")


def _scale(case: Case) -> Iterator[Hypothesis]:
    """Of the scores, before the softmax."""
    side = case.reference
    width = _width(side)
    heads = _heads_of(side)
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
            ours = words.get(mine, "")
            theirs = words.get(its, "as it states")
            said = (
                f"Scale of the scores: {told(mine)} ({ours}) in the reference, {told(its)} "
                f"({theirs}) in the port."
            )
            text = code(mine)
            line = _line(case, f", scale={text}", f", scale={text}", f", scale={text}")
            yield alternative(
                case, "scale", said.replace(" ()", ""), line, configured(side, scale=its)
            )


def _mask(case: Case) -> Iterator[Hypothesis]:
    side = case.reference
    causal = bool(side.config.get("causal"))
    words = {True: "only what is not later", False: "all"}
    said = (
        f"What a step may look at: {words[causal]} in the reference, {words[not causal]} in the "
        "port."
    )
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
        masks[f"only itself and the {width - 1} before it"] = np.tril(ones) & np.triu(
            ones, 1 - width
        )
    for words, mask in masks.items():
        said = f"What a step may look at: {mine} in the reference, {words} in the port."
        # a row of which all is hidden looks at all alike, or is no number
        for fill in (
            -np.inf,
            -1e9,
        ):
            form = configured(
                replace(side, inputs=(*side.inputs[:3], mask)), causal=False, fill=fill
            )
            yield alternative(case, "mask", said, line, form)


def _filled(case: Case, line: str) -> Iterator[Hypothesis]:
    """What is hidden is not hidden, or hidden too late."""
    side = case.reference
    for fill in (0.0, 1.0, -1.0):
        said = (
            f"Score of what may not be looked at: infinitely low in the reference, {told(fill)} in "
            "the port."
        )
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
    said = (
        "Mask of the scores: it hides in the reference, its zeros and ones are added in the port."
    )
    form = configured(replace(side, inputs=(*side.inputs[:3], seen)), causal=False)
    yield alternative(case, "mask", said, line, form)


def _meaning(case: Case, line: str) -> Iterator[Hypothesis]:
    """True says "may be looked at" here and "is hidden" there."""
    side = case.reference
    mask = side.inputs[3]
    if mask.dtype == bool:
        said = (
            "Mask of the scores: true says what may be looked at in the reference, what is hidden "
            "in the port."
        )
        yield alternative(case, "mask", said, line, replace(side, inputs=(*side.inputs[:3], ~mask)))
    if mask.ndim > 1 and mask.shape[-1] == mask.shape[-2]:
        said = "Mask of the scores: [query, key] in the reference, transposed in the port."
        yield alternative(
            case,
            "mask",
            said,
            line,
            replace(side, inputs=(*side.inputs[:3], mask.swapaxes(-1, -2))),
        )


def _order(case: Case) -> Iterator[Hypothesis]:
    """Query, key and value in each other's place."""
    side = case.reference
    for order in permutations(range(3)):
        if order == (0, 1, 2):
            continue
        words = ", ".join(NAMES[each] for each in order)
        said = (
            f"Order of query, key and value: as named in the reference, {words} in their places in "
            "the port."
        )
        for other in _ordered(side, order):
            yield alternative(case, "order", said, _line(case), other)


def _ordered(side: Side, order: tuple[int, ...]) -> Iterator[Side]:
    """The inputs, and of a module its weights."""
    if len(side.inputs) >= 3:
        yield replace(side, inputs=(*(side.inputs[each] for each in order), *side.inputs[3:]))
    if "query" in side.parameters:
        arrays = dict(side.parameters)
        for suffix in ("", "_bias"):
            given = {
                f"{NAMES[i]}{suffix}": side.parameters.get(f"{NAMES[each]}{suffix}")
                for i, each in enumerate(order)
            }
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
        said = (
            f"Bias of the attention's {names[0].removesuffix('_bias')}: there in the reference, "
            "missing in the port."
        )
        yield alternative(case, "bias", said, line, without(side, *names))
    said = "Biases of the attention: there in the reference, missing in the port."
    yield alternative(case, "bias", said, line, without(side, *every))
