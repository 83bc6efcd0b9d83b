"""Embedding: a factor, the entry that stands for nothing, and entries that are one off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from experiments.causes._case import Case, Stage
from experiments.causes._change import alternative, code, configured, cure, told
from experiments.causes._hypothesis import Hypothesis, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    side = case.reference
    if (
        side.kind != "embedding"
        or not side.inputs
        or "weight" not in side.parameters
        or side.output is None
    ):
        return
    if varied(side.output):
        yield from _factor(case)
        yield from _nothing(case)
        yield from _off(case)


def _factor(case: Case) -> Iterator[Hypothesis]:
    """The root of the width, as in Vaswani et al. 2017, or any other."""
    side, output = case.reference, case.port.output
    mine = float(side.config.get("factor", 1.0))
    if output is None or side.output is None or output.shape != side.output.shape:
        return
    share = float(np.vdot(side.output, output) / np.vdot(side.output, side.output))
    its = float(f"{mine * share:.12g}")
    width = side.parameters["weight"].shape[-1]
    root = np.sqrt(width)
    word = (
        f", the root of the width {width}"
        if np.isclose(its, root * mine) or np.isclose(mine, root * its)
        else ""
    )
    said = (
        f"Factor of the embedding {side.path}: {told(mine)} in the reference, {told(its)} in the "
        f"port{word} (solved)."
    )
    line = f"y = layer(x) * {code(mine / its)}" if its else "y = layer(x)"
    yield alternative(case, "scale", said, line, configured(side, factor=its), solved=True)


def _nothing(case: Case) -> Iterator[Hypothesis]:
    """One entry that gives zeros on one side."""
    side = case.reference
    mine = side.config.get("padding")
    entries = np.unique(side.inputs[0].astype(int))
    for its in (None, *entries[:8], entries[-1]):
        if its == mine:
            continue
        said = (
            f"Entry of {side.path} that gives zeros: {_entry(mine)} in the reference, "
            f"{_entry(its)} in the port."
        )
        line = cure(
            case,
            f"torch.nn.Embedding(..., padding_idx={mine})",
            "keras.layers.Embedding(..., mask_zero=False)",
            "flax.linen.Embed(...)",
        )
        yield alternative(
            case, "padding", said, line, configured(side, padding=None if its is None else int(its))
        )


def _entry(entry: int | None) -> str:
    return "none" if entry is None else str(entry)


def _off(case: Case) -> Iterator[Hypothesis]:
    side = case.reference
    count = len(side.parameters["weight"])
    for more in (1, -1):
        moved = side.inputs[0].astype(int) + more
        said = (
            f"Entries of {side.path}: as they are in the reference, {told(more)} added to them in "
            "the port."
        )
        line = "y = layer(x - 1)" if more == 1 else "y = layer(x + 1)"
        # what lies beyond is the last one, or the first again
        for entries in (
            np.clip(moved, 0, count - 1),
            moved % count,
        ):
            yield alternative(case, "off_by_one", said, line, replace(side, inputs=(entries,)))
