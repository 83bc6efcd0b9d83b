"""Convolution: where its windows are, and which element of the kernel meets which of the input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from experiments.causes._case import Case, Side, Stage
from experiments.causes._change import alternative, configured, cure, having, kernel_line
from experiments.causes._definition.windows import resolved, strides
from experiments.causes._hypothesis import Hypothesis, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    side = case.reference
    if (
        side.kind != "convolution"
        or not side.inputs
        or "weight" not in side.parameters
        or side.output is None
    ):
        return
    if side.parameters["weight"].ndim - 2 == side.inputs[0].ndim - 2 and varied(side.output):
        yield from _padding(case)
        yield from _kernel(case)
        yield from _numbers(case)


def layer(case: Case, torch: str, keras: str, flax: str) -> str:
    """The port's convolution with these arguments."""
    space = case.reference.parameters["weight"].ndim - 2
    back = bool(case.reference.config.get("transposed"))
    return cure(
        case,
        f"torch.nn.Conv{'Transpose' if back else ''}{space}d(..., {torch})",
        f"keras.layers.Conv{space}D{'Transpose' if back else ''}(..., {keras})",
        f"flax.linen.Conv{'Transpose' if back else ''}(..., {flax})",
    )


def window(side: Side) -> list[int]:
    """How far a window reaches along each axis of space."""
    shape = side.parameters["weight"].shape[:-2]
    dilation = side.config.get("dilation") or [1] * len(shape)
    return [(k - 1) * int(d) + 1 for k, d in zip(shape, dilation, strict=True)]


def sides_of(padding: list[tuple[int, int]]) -> str:
    """In words: alike on every axis, or each of them."""
    words = [f"{a} on each side" if a == b else f"{a} before and {b} after" for a, b in padding]
    return words[0] if len(set(words)) == 1 else "; ".join(words)


def _padding(case: Case) -> Iterator[Hypothesis]:
    """Every padding, alike on all axes, or start of the stride that gives the port's size."""
    side, output = case.reference, case.port.output
    space = side.inputs[0].shape[1:-1]
    if output is None or output.ndim != len(space) + 2 or side.config.get("transposed"):
        return
    reach = window(side)
    mine = resolved(side.config, space, reach)
    same = resolved({**side.config, "padding": "same"}, space, reach)
    for padding in _paddings(side, output.shape[1:-1], reach):
        if padding != mine:
            yield _padded(case, mine, padding, padding == same)
    yield from _mode(case, mine)


def _paddings(
    side: Side, wanted: tuple[int, ...], reach: list[int]
) -> Iterator[list[tuple[int, int]]]:
    """Candidates by the sizes that they give."""
    space = side.inputs[0].shape[1:-1]
    step = strides(side.config, reach)
    for before in range(max(reach) + 1):
        for after in range(max(reach) + 1):
            sizes = [
                (n + before + after - k) // s + 1
                for n, k, s in zip(space, reach, step, strict=True)
            ]
            if tuple(sizes) == wanted:  # a wider one of the same size adds what no window sees
                yield [(before, after)] * len(space)
                break
    same = resolved({**side.config, "padding": "same"}, space, reach)
    if len(set(same)) > 1:
        yield same


def _padded(
    case: Case, mine: list[tuple[int, int]], its: list[tuple[int, int]], same: bool
) -> Hypothesis:
    word = ', as "same" of Keras and Flax has it' if same else ""
    said = (
        f"Padding of {case.reference.path}: {sides_of(mine)} in the reference, {sides_of(its)} in "
        f"the port{word}."
    )
    return alternative(
        case, "padding", said, _padding_line(case, mine), configured(case.reference, padding=its)
    )


def _padding_line(case: Case, mine: list[tuple[int, int]]) -> str:
    """Keras' convolution takes no numbers for it: a layer before it does."""
    every = tuple(mine)
    torch = f"torch.nn.functional.pad(x, {_pads(mine)})"
    if all(before == after for before, after in mine):
        torch = layer(case, f"padding={tuple(before for before, _ in mine)}", "", "")
    keras = f"keras.layers.ZeroPadding{len(mine)}D({every if len(mine) > 1 else every[0]})"
    linen = f"flax.linen.Conv(..., padding={every})"
    return cure(case, torch, keras, linen)


def _pads(padding: list[tuple[int, int]]) -> tuple[int, ...]:
    """As torch has them: the last axis first."""
    return tuple(each for pair in reversed(padding) for each in pair)


def _mode(case: Case, mine: list[tuple[int, int]]) -> Iterator[Hypothesis]:
    own = case.reference.config.get("mode", "zeros")
    if not any(before or after for before, after in mine):
        return
    for mode in ("zeros", "reflect", "replicate", "circular"):
        if mode != own:
            said = f"Padding of {case.reference.path}: {own} in the reference, {mode} in the port."
            line = _padding_line(case, mine) if own == "zeros" else _mode_line(case, own, mine)
            yield alternative(case, "mode", said, line, configured(case.reference, mode=mode))


def _mode_line(case: Case, mode: str, padding: list[tuple[int, int]]) -> str:
    """Keras pads before; Flax knows two of them by name."""
    around = ((0, 0), *padding, (0, 0))
    word = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    name = {"reflect": "REFLECT", "circular": "CIRCULAR"}.get(mode)
    flax = (
        f"flax.linen.Conv(..., padding={name!r})"
        if name
        else f"jax.numpy.pad(x, {around}, mode={word!r})"
    )
    return cure(
        case,
        layer(case, f"padding_mode={mode!r}", "", ""),
        f"keras.ops.pad(x, {around}, mode={word!r})",
        flax,
    )


def _kernel(case: Case) -> Iterator[Hypothesis]:
    """The kernel, turned or mirrored."""
    side = case.reference
    weight = side.parameters["weight"]
    space = weight.ndim - 2
    line = kernel_line(case)
    if space == 2 and weight.shape[0] == weight.shape[1]:
        said = (
            f"Kernel of {side.path}: height and width as they are in the reference, swapped in the "
            "port."
        )
        yield alternative(
            case, "height_and_width", said, line, having(side, weight=weight.swapaxes(0, 1))
        )
    said = (
        f"Kernel of {side.path}: as it is in the reference, flipped in the port (convolution "
        "against correlation)."
    )
    yield alternative(
        case, "flipped", said, line, having(side, weight=np.flip(weight, tuple(range(space))))
    )
    if weight.shape[-1] == weight.shape[-2]:
        said = (
            f"Kernel of {side.path}: [.., in, out] in the reference, in and out swapped in the "
            "port."
        )
        yield alternative(
            case, "transposed", said, line, having(side, weight=weight.swapaxes(-1, -2))
        )
    yield from _channels(case, line)
    yield from _groups(case)


def _groups(case: Case) -> Iterator[Hypothesis]:
    """Another number of groups has weights of another shape: the port's own."""
    side, port = case.reference, case.port
    mine = int(side.config.get("groups") or 1)
    its = int(port.config.get("groups") or 1)
    if mine != its and "weight" in port.parameters:
        said = f"Groups of {side.path}: {mine} in the reference, {its} in the port."
        line = layer(case, f"groups={mine}", f"groups={mine}", f"feature_group_count={mine}")
        form = replace(configured(side, groups=its), parameters=port.parameters)
        yield alternative(case, "groups", said, line, form)


def _channels(case: Case, line: str) -> Iterator[Hypothesis]:
    """The channels of the input or of the output in another order."""
    side = case.reference
    weight = side.parameters["weight"]
    groups = int(side.config.get("groups") or 1)
    said = (
        f"Input channels of {side.path}: in their order in the reference, backwards in the port "
        "(RGB against BGR)."
    )
    yield alternative(case, "channels", said, line, having(side, weight=np.flip(weight, -2)))
    if groups > 1:
        said = (
            f"Output channels of {side.path}: group by group in the reference, interleaved in the "
            "port."
        )
        yield alternative(
            case, "interleaved", said, line, having(side, **_interleaved(side, groups))
        )


def _interleaved(side: Side, groups: int) -> dict[str, np.ndarray]:
    """A depthwise kernel [.., in, multiplier] that was read as [.., multiplier, in]."""
    count = side.parameters["weight"].shape[-1]
    order = np.arange(count).reshape(groups, -1).T.ravel()
    return {name: array[..., order] for name, array in side.parameters.items()}


def _numbers(case: Case) -> Iterator[Hypothesis]:
    """Stride and dilation, with the padding as it stands or as `same` has it."""
    side = case.reference
    space = side.parameters["weight"].ndim - 2
    for name, torch, keras, flax in (
        ("stride", "stride", "strides", "strides"),
        ("dilation", "dilation", "dilation_rate", "kernel_dilation"),
    ):
        mine = [int(each) for each in side.config.get(name) or [1] * space]
        text = tuple(mine)
        for its in range(1, 5):
            if [its] * space == mine:
                continue
            said = (
                f"{name.capitalize()} of {side.path}: {_one(mine)} in the reference, {its} in the "
                "port."
            )
            line = layer(case, f"{torch}={text}", f"{keras}={text}", f"{flax}={text}")
            yield alternative(case, name, said, line, configured(side, **{name: [its] * space}))
            other = configured(side, padding="same", **{name: [its] * space})
            yield alternative(case, name, said, line, other, rank=1)


def _one(numbers: list[int]) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else " x ".join(map(str, numbers))
