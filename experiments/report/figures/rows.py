"""The rows of the figures with lines, of the runs of one backend.

They are as the page's script makes them (script/rows.js).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from common.trace import Trace
from experiments.report import measured
from experiments.report.figures.boxes import ROOM, Box, Row
from experiments.report.labels import GAP, Domain, apart, domain_of, fitted, pixel, wrapped
from experiments.report.quantities import SHARE, SHOWN
from experiments.reported import Source


class Line(NamedTuple):
    """A configuration of a folder, its run, what theory expects of it; None where there is none."""

    common: Row
    trace: Trace | None
    expected: list[float | None] | None


def lines(sources: list[Source], names: list[str], backend: str) -> Iterator[Line]:
    """The runs of a backend, in the order of the names."""
    for name in names:
        for source in sources:
            if name in source.entries:
                run = source.run(name, backend)
                common = {
                    "configuration": name,
                    "backend": backend,
                    "folder": source.label,
                    "style": name,
                }
                yield Line(
                    common, run.trace if run else None, measured.expected(source.entries[name].plan)
                )


def numbers(values: np.ndarray, logarithmic: bool) -> list[list[float | None]]:
    """Smallest, middle and largest as numbers, [part][place]; None for what an axis cannot show."""
    found = [measured.numbers_of(part) for part in values]
    return [
        [None if logarithmic and value is not None and value <= 0 else value for value in part]
        for part in found
    ]


def profile(found: list[Line], quantity: str, step: int, thresholds: Any) -> list[Row]:
    """A quantity by layer at a step.

    Of the share of the gradient what comes through, and what theory expects at first, too.
    """
    rows = [
        row
        for line in found
        if line.trace
        for row in _profile(line.common, line.trace, quantity, step)
    ]
    if quantity != SHARE:
        return rows
    folders = dict.fromkeys(line.common["folder"] for line in found)
    through = [row for folder in folders for row in _through(folder, thresholds)]
    expected = [row for line in found for row in _expected(line)] if step == 0 else []
    return through + expected + rows


def _profile(common: Row, trace: Trace, quantity: str, step: int) -> Iterator[Row]:
    logarithmic = SHOWN[quantity].logarithmic
    at = trace.steps.tolist().index(step)
    values = measured.values_of(trace, quantity)[:, at : at + 1]
    parts = numbers(measured.over_seeds(values, logarithmic)[0], logarithmic)
    for layer, (low, mid, high) in enumerate(zip(*parts, strict=True), start=1):
        lowest = None if mid is None else mid if low is None else low
        yield common | {
            "kind": "value",
            "layer": layer,
            "step": step,
            "low": lowest,
            "mid": mid,
            "high": high,
        }


def _expected(line: Line) -> Iterator[Row]:
    for layer, share in enumerate(line.expected or (), start=1):
        # a logarithm has no place for 0
        yield line.common | {
            "kind": "theory",
            "layer": layer,
            "mid": share or None,
        }


def _through(folder: str, thresholds: Any) -> Iterator[Row]:
    low, high = thresholds.vanishing, thresholds.exploding
    yield {"kind": "band", "folder": folder, "low": low, "high": high}
    for value in (low, high):
        yield {"kind": "bound", "folder": folder, "value": value}


def learning(found: list[Line]) -> tuple[list[Row], bool]:
    """The loss by step, and whether its axis is logarithmic."""
    rows = [row for line in found if line.trace for row in _learning(line.common, line.trace)]
    known = [value for row in rows for value in (row["low"], row["high"]) if value is not None]
    logarithmic = bool(known) and min(known) > 0 and max(known) > 8 * min(known)
    return rows, logarithmic


def _learning(common: Row, trace: Trace) -> Iterator[Row]:
    kept = measured.kept_steps(len(trace.steps), measured.MOST_LOSSES)
    parts = measured.over_seeds(trace.loss[:, kept], logarithmic=False)
    for step, values in zip(trace.steps[kept].tolist(), parts, strict=True):
        low, mid, high = measured.numbers_of(values)
        yield common | {"kind": "value", "step": step, "low": low, "mid": mid, "high": high}


def guesses(sources: list[Source], names: list[str], place: Box) -> list[Row]:
    """The losses of guessing, in every folder."""
    found: dict[tuple[str, float], None] = {}
    for source in sources:
        for name in names:
            for run_id in source.entries[name].runs.values() if name in source.entries else ():
                run = source.runs.get(run_id)
                if run and run.header.guessing_loss:
                    (value,) = measured.numbers_of(np.array([run.header.guessing_loss]))
                    found[source.label, value or 0.0] = None
    common = {
        "kind": "guess",
        "configuration": None,
        "start": place.range[0],
        "end": place.range[1],
    }
    return [common | {"folder": folder, "value": value} for folder, value in found]


def domain(rows: list[Row], logarithmic: bool) -> Domain:
    """Of the axis of all rows' values, but for what theory expects."""
    measured_rows = [row for row in rows if row["kind"] != "theory"]
    return domain_of(
        [row.get(key) for row in measured_rows for key in ("low", "mid", "high", "value")],
        logarithmic,
    )


def labels(
    found: list[Line], rows: list[Row], place: Box, bounds: Domain, logarithmic: bool
) -> list[Row]:
    """The names of the lines, and of the levels of guessing, at the lines' ends."""
    made = [_name(line, rows, place, bounds, logarithmic) for line in found]
    for guess in (row for row in rows if row["kind"] == "guess"):
        at = pixel(guess["value"], bounds, place.height, logarithmic)
        made.append(
            {"folder": guess["folder"], "configuration": None, "words": "guessing", "from": at}
            | place.ends
        )
    folders = dict.fromkeys(name["folder"] for name in made)
    return [
        row
        for folder in folders
        for row in _placed([one for one in made if one["folder"] == folder], place)
    ]


def _name(line: Line, rows: list[Row], place: Box, bounds: Domain, logarithmic: bool) -> Row:
    """A name and where its line ends; without a line it stands at the bottom, and says so."""
    configuration = line.common["configuration"]
    folder = line.common["folder"]
    of = [
        row
        for row in rows
        if row["kind"] == "value"
        and (row["configuration"], row["folder"]) == (configuration, folder)
    ]
    ordered = of[::-1] if place.right else of
    first = next((row["mid"] for row in ordered if row["mid"] is not None), None)
    name = {"configuration": configuration, "folder": folder, "words": configuration}
    if first is not None:
        return name | place.ends | {"from": pixel(first, bounds, place.height, logarithmic)}
    lost = " (no value)" if line.trace else " (no run)"
    return name | {
        "words": configuration + lost,
        "end": place.ends["edge"],
        "edge": place.ends["edge"],
        "from": place.height,
    }


def _placed(names: list[Row], place: Box) -> list[Row]:
    """Names in two lines where they are long and there is room for all.

    Each line of text is apart from the others.
    """
    room = place.names - ROOM
    texts = [wrapped(name["words"], room, 2) for name in names]
    if GAP * sum(map(len, texts)) > place.height:
        texts = [[fitted(name["words"], room)] for name in names]
    rows = [
        [{"kind": "label"} | name | {"text": text} for text in found]
        for name, found in zip(names, texts, strict=True)
    ]
    apart([row for found in rows for row in found], place.height)
    return [row for found in rows for row in _joined(found)]


def _joined(lines: list[Row]) -> list[Row]:
    """The lines of a name, joined to the line of the chart by one rule, from their middle.

    Without such a line by none.
    """
    if lines[0]["end"] == lines[0]["edge"]:
        return [line | {"from": line["at"]} for line in lines]
    if len(lines) == 1:
        return lines
    middle = sum(line["at"] for line in lines) / len(lines)
    rule = lines[0] | {"text": "", "at": middle}
    return [rule, *(line | {"end": line["edge"], "from": line["at"]} for line in lines)]
