"""Pooling: the largest or the mean, what of the padding counts, and where the windows are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from experiments.causes._case import Case, Side, Stage
from experiments.causes._change import alternative, configured, cure
from experiments.causes._definition.windows import strides
from experiments.causes._hypothesis import Hypothesis, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    side = case.reference
    if (
        side.kind not in ("pooling", "global_pooling")
        or not side.inputs
        or side.output is None
        or not varied(side.output)
    ):
        return
    yield from _which(case)
    if side.kind == "pooling":
        yield from _counted(case)
        yield from _windows(case)


def _line(case: Case, **numbers: Any) -> str:
    """The reference's pooling in the port's framework."""
    config = {**case.reference.config, **numbers}
    space = case.reference.inputs[0].ndim - 2
    largest = config.get("which") == "max"
    if case.reference.kind == "global_pooling":
        torch = f"torch.nn.Adaptive{'Max' if largest else 'Avg'}Pool{space}d(1)"
        keras = f"keras.layers.Global{'Max' if largest else 'Average'}Pooling{space}D()"
        axes = tuple(range(1, 1 + space))
        return cure(case, torch, keras, f"jax.numpy.{'max' if largest else 'mean'}(x, axis={axes})")
    size = tuple(config["size"])
    stride = tuple(config.get("stride") or config["size"])
    padding = config.get("padding") or [(0, 0)] * space
    every = padding if isinstance(padding, str) else tuple((int(a), int(b)) for a, b in padding)
    counted = "" if largest else f", count_include_pad={bool(config.get('counted'))}"
    torch = f"torch.nn.{'Max' if largest else 'Avg'}Pool{space}d({size}, stride={stride}{counted})"
    if not isinstance(every, str) and all(a == b for a, b in every):
        torch = torch.replace(
            f"stride={stride}", f"stride={stride}, padding={tuple(a for a, _ in every)}"
        )
    torch = f"{torch[:-1]}, ceil_mode=True)" if config.get("ceil") else torch
    keras = (
        f"keras.layers.{'Max' if largest else 'Average'}Pooling{space}D({size}, strides={stride})"
    )
    keras += _padded(every, largest, bool(config.get("counted")))
    flax = (
        f"flax.linen.{'max' if largest else 'avg'}_pool(x, {size}, strides={stride}, "
        f"padding={every!r}{counted})"
    )
    return cure(case, torch, keras, flax)


def _padded(padding: Any, largest: bool, counted: bool) -> str:
    """Keras' pooling takes no numbers for its padding.

    It is done before, and what does not count it cannot do so.
    """
    if isinstance(padding, str) or not any(a or b for a, b in padding):
        return ""
    around = ((0, 0), *padding, (0, 0))
    if largest:
        return f'(keras.ops.pad(x, {around}, constant_values=float("-inf")))'
    return (
        f"(keras.ops.pad(x, {around}))"
        if counted
        else f"(keras.ops.pad(x, {around}))  # and divided by what is real"
    )


def _which(case: Case) -> Iterator[Hypothesis]:
    side = case.reference
    mine = side.config.get("which")
    its = "average" if mine == "max" else "max"
    words = {"max": "the largest", "average": "the mean"}
    said = f"Pooling: {words.get(str(mine), mine)} in the reference, {words[its]} in the port."
    yield alternative(case, "which", said, _line(case), configured(side, which=its))
    if its == "max":
        said = f"{said[:-1]}, among them the zeros around."
        yield alternative(case, "which", said, _line(case), configured(side, which=its, zeros=True))
    if side.kind == "pooling":
        said = "Pooling: by windows in the reference, missing in the port."
        yield Hypothesis("missing", said, _line(case), lambda: side.inputs[0])
        yield from _whole(case)
    else:
        yield from _steps(case)


def _whole(case: Case) -> Iterator[Hypothesis]:
    for which in ("max", "average"):
        said = f"Pooling: by windows in the reference, {which} over all of the space in the port."
        form = replace(case.reference, kind="global_pooling", config={"which": which})
        yield alternative(case, "global", said, _line(case), form)


def _steps(case: Case) -> Iterator[Hypothesis]:
    """One position instead of all of them."""
    side = case.reference
    x = side.inputs[0]
    if x.ndim == 3:
        for name, one in (("last step", x[:, -1]), ("first step", x[:, 0])):
            said = f"Pooling: over all steps in the reference, the {name} in the port."
            yield Hypothesis("step", said, _line(case), lambda one=one: one)


def _counted(case: Case) -> Iterator[Hypothesis]:
    side = case.reference
    counted = bool(side.config.get("counted"))
    if side.config.get("which") == "max":
        words = ("counts for nothing", "is zeros that are numbers like others")
        zeros = bool(side.config.get("zeros"))
        said = (
            f"Padding of the maximum: it {words[zeros]} in the reference, it {words[not zeros]} in "
            "the port."
        )
        yield alternative(case, "counted", said, _line(case), configured(side, zeros=not zeros))
    else:
        words = ("counts", "does not count")
        said = (
            f"Padding in the mean: it {words[not counted]} in the reference, it {words[counted]} "
            "in the port."
        )
        yield alternative(case, "counted", said, _line(case), configured(side, counted=not counted))


def _windows(case: Case) -> Iterator[Hypothesis]:
    """Size, stride, padding and rounding of the number of windows."""
    side = case.reference
    size = [int(each) for each in side.config["size"]]
    ceil = bool(side.config.get("ceil"))
    said = (
        f"Windows of pooling that are not whole: {_kept(ceil)} in the reference, {_kept(not ceil)} "
        "in the port."
    )
    yield alternative(case, "ceil", said, _line(case), configured(side, ceil=not ceil))
    for padding in _paddings(case, size):
        its = f"{padding[0][0]} before and {padding[0][1]} after"
        said = f"Padding of pooling: {_padding(side)} in the reference, {its} in the port."
        yield alternative(case, "padding", said, _line(case), configured(side, padding=padding))
        form = configured(side, padding=padding, counted=not side.config.get("counted"))
        yield alternative(
            case, "padding", f"{said[:-1]}, and what counts in the mean.", _line(case), form, rank=1
        )
    yield from _sizes(case, size)


def _kept(ceil: bool) -> str:
    return "kept" if ceil else "left out"


def _padding(side: Side) -> str:
    padding = side.config.get("padding") or [(0, 0)]
    return (
        padding if isinstance(padding, str) else f"{padding[0][0]} before and {padding[0][1]} after"
    )


def _paddings(case: Case, size: list[int]) -> Iterator[list[tuple[int, int]]]:
    """Those of the port's size; a wider one behind of the same size adds what no window sees."""
    side, output = case.reference, case.port.output
    space = side.inputs[0].shape[1:-1]
    stride = strides({"stride": side.config.get("stride") or size}, size)
    for before in range(max(size)):
        for after in range(max(size)):
            sizes = [
                (n + before + after - k) // s + 1
                for n, k, s in zip(space, size, stride, strict=True)
            ]
            if output is not None and tuple(sizes) == output.shape[1:-1]:
                yield [(before, after)] * len(size)
                break


def _sizes(case: Case, size: list[int]) -> Iterator[Hypothesis]:
    side = case.reference
    stride = [int(each) for each in side.config.get("stride") or size]
    for each in range(1, 5):
        other = [each] * len(size)
        if other != stride:
            said = f"Stride of pooling: {stride[0]} in the reference, {each} in the port."
            yield alternative(case, "stride", said, _line(case), configured(side, stride=other))
        if other != size:
            said = f"Window of pooling: {size[0]} in the reference, {each} in the port."
            yield alternative(
                case, "size", said, _line(case), configured(side, size=other, stride=stride)
            )
            said = (
                f"Window and stride of pooling: {size[0]} and {stride[0]} in the reference, {each} "
                "both in the port."
            )
            yield alternative(
                case, "size", said, _line(case), configured(side, size=other, stride=other)
            )
