"""The rows of the figures with panels, and those of the agreement.

They are as the page's script makes them (script/rows.js).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from backends import DEFINITION
from common.trace import Trace
from experiments.report import agreed, charts, measured, script_data
from experiments.report.figures.boxes import Row
from experiments.report.figures.rows import Line, numbers
from experiments.report.quantities import SHOWN
from experiments.reported import Source

SEEN = 0.02
"""Of a decade, or of the largest value where the axis is linear: a smaller difference cannot be
seen."""


def heat(found: list[Line], quantity: str, most: float, several: bool) -> list[Row]:
    """A quantity by layer and step, of at most so many layers."""
    rows: list[Row] = []
    for line in found:
        if line.trace:
            panel = _panel(line.common, several)
            rows += [
                row | panel | {"order": len(rows)}
                for row in _cells(line.common, line.trace, quantity, most)
            ]
    return rows


def _cells(common: Row, trace: Trace, quantity: str, most: float) -> Iterator[Row]:
    logarithmic = SHOWN[quantity].logarithmic
    steps, layers, values = _thinned(trace, quantity, most)
    for step, of_step in zip(steps, values, strict=True):
        exact = measured.numbers_of(of_step)
        (drawn,) = numbers(of_step[None], logarithmic)
        for layer, mid, value in zip(layers, drawn, exact, strict=True):
            yield common | {"step": step, "layer": layer, "mid": mid, "value": value}


def _thinned(trace: Trace, quantity: str, most: float) -> tuple[list[int], list[int], np.ndarray]:
    """The steps and the layers that are shown, and the middle of the seeds there."""
    kept = measured.kept_steps(len(trace.steps), measured.MOST_STEPS)
    middle = measured.over_seeds(
        measured.values_of(trace, quantity)[:, kept], SHOWN[quantity].logarithmic
    )[:, 1]
    every = int(np.ceil(middle.shape[1] / most))
    layers = list(range(1, middle.shape[1] + 1, every))
    return trace.steps[kept].tolist(), layers, middle[:, ::every]


def difference(sources: list[Source], names: list[str], quantity: str, most: float) -> list[Row]:
    """By how much each backend differs from the definition of its folder, where it is visible."""
    rows: list[Row] = []
    for name in names:
        for source in sources:
            exact = source.run(name, DEFINITION)
            for backend in source.entries[name].runs if exact and name in source.entries else ():
                run = source.run(name, backend)
                if (
                    exact
                    and run
                    and backend != DEFINITION
                    and np.array_equal(run.trace.steps, exact.trace.steps)
                ):
                    common = {"configuration": name, "backend": backend, "folder": source.label}
                    found = list(_differences(common, run.trace, exact.trace, quantity, most))
                    if _to_be_seen(found, SHOWN[quantity].logarithmic):
                        panel = _panel(common, len(sources) > 1, backend)
                        rows += [row | panel | {"order": len(rows)} for row in found]
    return rows


def _differences(
    common: Row, trace: Trace, exact: Trace, quantity: str, most: float
) -> Iterator[Row]:
    theirs = _cells(common, trace, quantity, most)
    ours = _cells(common, exact, quantity, most)
    for a, b in zip(theirs, ours, strict=True):
        mid = _apart(a["value"], b["value"], SHOWN[quantity].logarithmic)
        yield a | {"mid": mid, "value": b["value"]}


def _apart(a: float | None, b: float | None, logarithmic: bool) -> float | None:
    """How many decades, or how much, a value is from the definition's; None where that has none."""
    if a == b:
        return 0.0
    if a is None or b is None or (logarithmic and min(a, b) <= 0):
        return None
    return math.log10(a) - math.log10(b) if logarithmic else a - b


def _to_be_seen(rows: list[Row], logarithmic: bool) -> bool:
    largest = max((np.inf if row["mid"] is None else abs(row["mid"]) for row in rows), default=0.0)
    scale = 1.0 if logarithmic else max((abs(row["value"] or 0.0) for row in rows), default=0.0)
    return bool(largest > SEEN * scale)


def divergence(sources: list[Source], names: list[str]) -> list[Row]:
    """How far free runs have parted from the definition's, their bound, and where chaos begins."""
    rows: list[Row] = []
    for order, name in enumerate(names):
        for source in sources:
            found = (
                measured.divergences(source, name, measured.MOST_STEPS)
                if name in source.entries
                else None
            )
            common = {"configuration": name, "folder": source.label, "order": order}
            common |= _panel(common, len(sources) > 1)
            for one in found.series if found else ():
                told = zip(one["steps"], one["values"], strict=True)
                rows += [
                    common | {"series": one["series"], "step": step, "value": value or None}
                    for step, value in told
                ]
            if found and found.chaotic is not None:
                chaos = {
                    "series": charts.CHAOTIC,
                    "step": found.chaotic,
                    "value": None,
                    "label": "chaotic",
                }
                rows.append(common | chaos)
    return rows


def agreement(sources: list[Source], names: list[str], most: int) -> tuple[list[Row], int]:
    """Errors and bounds of the configurations asked for, or of those nearest to their bound.

    And how many there are of all.
    """
    rows = list(
        script_data.agreement_rows([_of(source, names) for source in sources] if names else sources)
    )
    near = {row["configuration"]: _nearness(row) for row in sorted(rows, key=_nearness)}
    kept = sorted(near, key=lambda name: -near[name])[:most]
    return [row for row in rows if row["configuration"] in kept], len(near)


def _of(source: Source, names: list[str]) -> Source:
    """The findings of some configurations."""
    kept = [c for c in source.document.configurations if c.name in names]
    return dataclasses.replace(
        source, document=source.document.model_copy(update={"configurations": kept})
    )


def _nearness(row: Row) -> float:
    return agreed.share(row["error"], row["bound"])


def _panel(common: Row, several: bool, backend: str | None = None) -> Row:
    """What stands above a panel, a line each."""
    parts = [common["configuration"], backend, common["folder"] if several else None]
    return {"panel": "\n".join(part for part in parts if part)}
