"""The report on the terminal: the answer first, then the tables that it is made from. Verdicts are words, not colours only."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from common.findings import DEFINITION, Agreement, Document, RunFinding
from experiments.report.answer import first_run, sentences
from experiments.report.cells import (
    backends_of,
    disagreements,
    failures,
    mean,
    number,
    numbers,
    side_by_side,
    thresholds,
    times,
    told,
)

COLOURS = {"healthy": "green", "vanishing": "yellow", "exploding": "magenta", "dead": "red", "non-finite": "red"}
BLOCKS = "▁▂▃▄▅▆▇█"
WIDE = 100
"""From so many columns on there is room for more."""


def show(document: Document, console: Console, results: str) -> None:
    """Print the report.

    Args:
        document: The findings.
        console: Where to.
        results: The folder of the runs.
    """
    console.print(f"[bold]{escape(document.question)}[/bold]", highlight=False)
    for sentence in sentences(document):
        console.print(sentence, markup=False, highlight=False)
    parts = (_verdicts(document, console.width), _profiles(document, console.width), _agreement(document), _seconds(document))
    for part in filter(None, parts):
        console.print()
        console.print(part)
    for line in (*disagreements(document), *failures(document)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print()
    for line in _notes(document, results):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _table(*columns: str, title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for position, column in enumerate(columns):
        table.add_column(column, justify="left" if position == 0 else "right", no_wrap=position > 0, overflow="fold")
    return table


def _verdicts(document: Document, width: int) -> Table:
    extra = ("largest\nupdate",) if width >= WIDE else ()
    columns = ("configuration", "verdict", "gradient\nfirst/last", "decades\nper layer", "loss", "accuracy", *extra)
    table = _table(*columns, title="Verdicts")
    table.columns[1].justify = "left"
    for configuration in document.configurations:
        for name, run in told(configuration):
            cells = [Text(name), _verdict(run), *numbers(run)]
            table.add_row(*cells, *([mean(run.largest_update, ".1e")] if extra else []))
    return table


def _verdict(run: RunFinding) -> Text:
    return Text(run.verdict or run.status, style=COLOURS.get(run.verdict or "", "red"))


def _profiles(document: Document, width: int) -> Table | None:
    """The signal gradient of each layer at the first step; one scale for all, so that heights can be compared."""
    rows = [(c.name, run.profile) for c in document.configurations if (run := first_run(c)) and run.profile]
    logs = [math.log10(value) for _, profile in rows for value in profile if value]
    if not logs:
        return None
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    scale = f"{BLOCKS[0]} 1e{low:+d} to {BLOCKS[-1]} 1e{high:+d}, logarithmic; 0 and ? (not finite) are said as such"
    table = _table(
        "configuration", "first layer ... last layer", "smallest", "largest", title="Signal gradient at the first step"
    )
    table.caption, table.caption_justify = scale, "left"
    table.columns[1].justify = "left"
    room = max(20, width // 2 - 8)
    for name, profile in rows:
        known = [value for value in profile if value is not None]
        extremes = [f"{pick(known):.1e}" if known else "-" for pick in (min, max)]
        table.add_row(Text(name), drawn(profile, low, high, room), *extremes)
    return table


def drawn(profile: list[float | None], low: float, high: float, room: int) -> str:
    """A profile in block characters, at most `room` of them, on a logarithmic scale from 10^low to 10^high."""
    every = math.ceil(len(profile) / room)
    return "".join(_block(value, low, high) for value in profile[::every])


def _block(value: float | None, low: float, high: float) -> str:
    if not value:
        return "?" if value is None else "0"
    height = (math.log10(value) - low) / max(high - low, 1)
    return BLOCKS[min(len(BLOCKS) - 1, max(0, int(height * len(BLOCKS))))]


def _agreement(document: Document) -> Table | None:
    columns = ("backend", "first step: error\nof tolerance", "training: divergence\nof sensitivity", "agrees")
    table = _table(*columns, title="Agreement with the definition, the worst of all configurations")
    for column in table.columns:
        column.justify, column.no_wrap = "left", False
    for backend in backends_of(document):
        runs = [(c.name, c.runs[backend].agreement) for c in document.configurations if backend in c.runs]
        known = [(name, agreement) for name, agreement in runs if agreement and agreement.agrees is not None]
        if known and backend != DEFINITION:
            told = (_worst_first_step(known), _worst_training(known), _count(known))
            table.add_row(backend, *map(Text, told))
    return table if table.row_count else None


def _worst_first_step(known: list[tuple[str, Agreement]]) -> str:
    name, worst = max(known, key=lambda pair: _share(pair[1].first_step_error, pair[1].tolerance))
    return f"{number(worst.first_step_error, '.1e')} of {number(worst.tolerance, '.1e')}\n{name}"


def _worst_training(known: list[tuple[str, Agreement]]) -> str:
    name, worst = max(known, key=lambda pair: _share(pair[1].divergence, pair[1].sensitivity))
    if worst.divergence is None:
        return "no definition run"
    return f"{number(worst.divergence, '.1e')} of {number(worst.sensitivity, '.1e')}\n{name}"


def _share(part: float | None, whole: float | None) -> float:
    if part is None:
        return math.inf if whole is not None else -1.0
    return part / whole if whole else part


def _count(known: list[tuple[str, Agreement]]) -> str:
    agreeing = sum(bool(agreement.agrees) for _, agreement in known)
    return f"all {agreeing}" if agreeing == len(known) else f"{agreeing} of {len(known)}"


def _seconds(document: Document) -> Table | None:
    columns = ("backend", "import", "first steps,\nall together", "a later step,\non average", "device", "threads")
    table = _table(*columns, title="Seconds, as measured when each run was made")
    for backend, t in times(document).items():
        cells = [f"{t.imports:.1f} s", f"{t.first_steps:.1f} s", f"{1e3 * t.later_step:.1f} ms"]
        table.add_row(backend, *cells, document.device[backend], str(document.threads[backend]))
    return table if table.row_count else None


def _notes(document: Document, results: str) -> Iterable[str]:
    yield thresholds(document)
    yield side_by_side(document)
    yield f"Every run, by layer and step: {results}/*.parquet"
