"""Order: of elements in a flattening, of what is joined, of axes and channels, of layers.

And what is taken of the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations

import numpy as np

from experiments.causes._case import Case, Stage
from experiments.causes._change import cure
from experiments.causes._definition import flattened
from experiments.causes._formula import ENOUGH, Term, chains, matching, operands
from experiments.causes._hypothesis import Hypothesis, varied
from experiments.causes._order_axes import axes_in_front, exchanged

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    mine, its = case.reference.output, case.port.output
    yield from _moved(case)
    if case.partial or mine is None or its is None or not varied(its, ENOUGH):
        return
    flat = _pairs(
        case,
        _flattenings(case),
        "flatten",
        "Order of elements in the flattening",
        _flatten_line(case),
    )
    joined = _pairs(
        case, _concatenations(case), "concatenate", "What is concatenated", _join_line(case)
    )
    reduced = _pairs(
        case,
        _reductions(case),
        "reduction",
        "What is taken of the steps or positions",
        _reduced_line(case),
    )
    yield from (*flat, *joined)
    if case.reference.kind not in ("pooling", "global_pooling"):  # their own family knows them
        yield from reduced
    yield from _layers(case)
    yield from exchanged(case)
    if mine.shape == its.shape:
        yield from axes_in_front(case, mine, its)


def _moved(case: Case) -> Iterator[Hypothesis]:
    """What only moves numbers moves them along other axes.

    Heads that are not brought back before they are joined.
    """
    side = case.reference
    if (
        side.kind not in ("reshape", "transpose")
        or len(side.inputs) != 1
        or side.output is None
        or case.port.output is None
    ):
        return
    x, shape = side.inputs[0], case.port.output.shape
    if not 3 <= x.ndim <= 5 or x.size != case.port.output.size or not varied(x, ENOUGH):
        return
    for axes in permutations(range(1, x.ndim)):
        y = x.transpose((0, *axes)).reshape(shape)
        said = (
            f"Axes in front of {side.path}: in their order in the reference, {(0, *axes)} of these "
            "in the port."
        )
        line = cure(
            case, "x.permute(axes)", "keras.ops.transpose(x, axes)", "jax.numpy.transpose(x, axes)"
        )
        yield Hypothesis(
            "axes",
            said,
            line,
            lambda y=y: y,
            plain=lambda: side.output.reshape(shape),  # type: ignore[union-attr]
        )


def _pairs(case: Case, terms: list[Term], name: str, word: str, line: str) -> Iterator[Hypothesis]:
    """One form on this side, another of the same arrays on that."""
    ours, theirs = (matching(iter(terms), side.output) for side in (case.reference, case.port))
    for mine in ours[:2]:
        for its in theirs[:4]:
            if set(mine.of) == set(its.of) and mine.text != its.text:
                said = f"{word}: {mine.text} in the reference, {its.text} in the port."
                yield Hypothesis(
                    name, said, line, lambda its=its: its.value, lambda mine=mine: mine.value
                )


def _flattenings(case: Case) -> list[Term]:
    found: list[Term] = []
    for term in operands(case):
        if term.value.ndim > 2:
            x = term.value
            found.append(Term("channels first", flattened(x, True), term.of))
            found.append(Term("channels last", flattened(x, False), term.of))
            found += [
                Term(
                    f"{channels}, width before height",
                    flattened(np.swapaxes(x, 1, -2), first),
                    term.of,
                )
                for channels, first in (("channels first", True), ("channels last", False))
            ]
    return found


def _flatten_line(case: Case) -> str:
    return cure(
        case,
        "x.permute(0, 2, 3, 1).flatten(1)",
        "keras.layers.Permute((3, 1, 2))",
        "jax.numpy.transpose(x, (0, 3, 1, 2))",
    )


def _concatenations(case: Case) -> list[Term]:
    """Two or three arrays, in every order and along every axis."""
    arrays = operands(case, 5)
    found: list[Term] = []
    for count in (2, 3):
        for chosen in permutations(arrays, count):
            for axis in range(1, chosen[0].value.ndim):
                if _fit(chosen, axis):
                    text = f"{', '.join(each.text for each in chosen)} along axis {axis}"
                    joined = np.concatenate([each.value for each in chosen], axis)
                    found.append(Term(text, joined, tuple(each.text for each in chosen)))
    return found


def _fit(terms: tuple[Term, ...], axis: int) -> bool:
    shapes = [
        np.delete(np.array(each.value.shape), axis).tolist() if each.value.ndim > axis else None
        for each in terms
    ]
    return (
        all(shape == shapes[0] for shape in shapes)
        and len({each.value.ndim for each in terms}) == 1
    )


def _join_line(case: Case) -> str:
    torch = "torch.cat((x, y), dim=1)"
    keras = "keras.layers.Concatenate(axis=-1)"
    return cure(case, torch, keras, "jax.numpy.concatenate((x, y), axis=-1)")


REDUCTIONS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "the mean": lambda x, axis: x.mean(axis),
    "the last": lambda x, axis: np.take(x, -1, axis),
    "the last but one": lambda x, axis: np.take(x, -2, axis),
    "the first": lambda x, axis: np.take(x, 0, axis),
    "the second": lambda x, axis: np.take(x, 1, axis),
    "the largest": lambda x, axis: x.max(axis),
    "the sum": lambda x, axis: x.sum(axis),
}


def _reductions(case: Case) -> list[Term]:
    found: list[Term] = []
    for term in operands(case):
        x = term.value
        for words, form in REDUCTIONS.items() if x.ndim > 2 else ():
            long = [axis for axis in range(1, x.ndim) if x.shape[axis] > 1]
            found += [Term(f"{words} along axis {axis}", form(x, axis), term.of) for axis in long]
            if x.ndim == 4 and x.shape[1] * x.shape[2] > 1:
                rows = x.reshape(len(x), -1, x.shape[-1])
                found.append(Term(f"{words} over the space", form(rows, 1), term.of))
    return found


def _reduced_line(case: Case) -> str:
    """By what the reference does."""
    ours = matching(iter(_reductions(case)), case.reference.output)
    words = ours[0].text if ours else ""
    forms = {
        "the last but one": "x[:, -2]",
        "the last": "x[:, -1]",
        "the first": "x[:, 0]",
        "the second": "x[:, 1]",
    }
    names = {"the largest": "max", "the sum": "sum"}
    form = next((code for key, code in forms.items() if words.startswith(key)), "")
    name = next((code for key, code in names.items() if words.startswith(key)), "mean")
    torch = {"max": "amax"}.get(name, name)
    return form or cure(
        case,
        f"torch.{torch}(x, dim=1)",
        f"keras.ops.{name}(x, axis=1)",
        f"jax.numpy.{name}(x, axis=1)",
    )


def _layers(case: Case) -> Iterator[Hypothesis]:
    """The same layers, one after the other in another order, or one of them left out."""
    if not case.between_reference:
        return
    ours, theirs = (matching(chains(case), side.output) for side in (case.reference, case.port))
    for mine in ours[:2]:
        for its in theirs[:4]:
            lost = [name for name in mine.through if name not in its.through]
            if (
                mine.of == its.of
                and mine.text != its.text
                and set(its.through) <= set(mine.through)
            ):
                word = f"{' and '.join(lost)} missing" if lost else "Order of layers"
                said = f"{word}: {mine.text} in the reference, {its.text} in the port."
                name = "missing" if lost else "layers"
                yield Hypothesis(
                    name, said, mine.line(), lambda its=its: its.value, lambda mine=mine: mine.value
                )
