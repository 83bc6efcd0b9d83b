"""What the port states itself gives its number, so it is the cause.

Its own kind, numbers and weights, in the definition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from experiments.causes._case import Case, Side, Stage
from experiments.causes._change import alternative, told
from experiments.causes._hypothesis import Finding, Hypothesis, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None
IGNORED = {"active", "momentum", "unbiased"}
"""Numbers that do not change the value of this pass."""
PRODUCTS = {"affine", "matmul"}
"""One computation: whose matrix it is makes the other kind, and no other number."""
SCALARS = (bool, int, float, str)
"""Of these a difference is one; a list may be another notation of the same."""


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause: one number at a time, then all of them, then the port as a whole."""
    side, port = case.reference, case.port
    if (
        not side.inputs
        or port.output is None
        or not varied(port.output)
        or port.kind in ("between", "other")
    ):
        return
    names = differing(side, port) if side.kind == port.kind else []
    for name in names:
        its = port.config[name]
        said = (
            f"{name.capitalize()} of {side.path}: {told(side.config[name])} in the reference, "
            f"{told(its)} in the port."
        )
        form = replace(side, config={**side.config, name: its})
        yield alternative(case, name, said, f"{name} = {side.config[name]!r}", form, rank=1)
    yield from _whole(case, names)


def differing(mine: Side, its: Side) -> list[str]:
    """The numbers that both state, and state differently."""
    both = [name for name in mine.config if name in its.config and name not in IGNORED]
    return [name for name in both if not _same(mine.config[name], its.config[name])]


def _same(mine: Any, its: Any) -> bool:
    if isinstance(mine, float) and isinstance(its, int | float):
        return bool(np.isclose(mine, its, rtol=1e-12, atol=0))
    return bool(np.array_equal(np.asarray(mine, dtype=object), np.asarray(its, dtype=object)))


def _whole(case: Case, names: list[str]) -> Iterator[Hypothesis]:
    side, port = case.reference, case.port
    same = side.kind == port.kind or {side.kind, port.kind} == PRODUCTS
    kinds = "" if same else f"{side.kind} in the reference, {port.kind} in the port"
    numbers = "; ".join(
        f"{n}: {told(side.config[n])} against {told(port.config[n])}" for n in names
    )
    lost = [name for name in side.parameters if name not in port.parameters] if same else []
    more = f"{' and '.join(lost)}: there against missing" if lost else ""
    words = kinds or "; ".join(filter(None, (numbers, more if numbers else "")))
    if words:
        form = replace(port, inputs=side.inputs)
        said = f"What {side.path} computes: {words}."
        yield alternative(
            case,
            "kind" if kinds else "numbers",
            said,
            f"{side.kind} = {dict(side.config)!r}",
            form,
            rank=1,
        )


def said(case: Case) -> Iterator[Finding]:
    """What the objects say of themselves and does not explain the numbers.

    The weakest of all, where there is nothing else.
    """
    side, port = case.reference, case.port
    if side.kind != port.kind:
        return
    for name in differing(side, port):
        mine, its = side.config[name], port.config[name]
        if (
            isinstance(mine, SCALARS)
            and isinstance(its, SCALARS)
            and isinstance(mine, str) == isinstance(its, str)
        ):
            words = (
                f"{name.capitalize()} of {side.path}: {told(mine)} in the reference, {told(its)} "
                "in the port, as they state."
            )
            note = "It does not explain the numbers by itself."
            yield Finding(
                f"stated.{name}",
                words,
                f"{name} = {mine!r}",
                PAGE,
                np.inf,
                "stated",
                side.path,
                note,
            )
