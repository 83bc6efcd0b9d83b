"""The report on the terminal: the answer first, then the tables that it is made from. Verdicts are words, not colours only."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from common.findings import DEFINITION, Agreement, Configuration, Document, RunFinding, Spread
from experiments.report.answer import first_run, sentences

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
    for line in (*_disagreements(document), *_failures(document)):
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
        for name, run in _told(configuration):
            cells = [Text(name), _verdict(run), *_numbers(run)]
            table.add_row(*cells, *([_mean(run.largest_update, ".1e")] if extra else []))
    return table


def _told(configuration: Configuration) -> Iterable[tuple[str, RunFinding]]:
    """One row for all backends where their verdicts are the same, and one for each where they differ."""
    runs = {backend: run for backend, run in configuration.runs.items() if run.verdict}
    if len({run.verdict for run in runs.values()}) > 1:
        return [(f"{configuration.name} [{backend}]", run) for backend, run in runs.items()]
    return [(configuration.name, first_run(configuration) or next(iter(configuration.runs.values())))]


def _verdict(run: RunFinding) -> Text:
    return Text(run.verdict or run.status, style=COLOURS.get(run.verdict or "", "red"))


def _numbers(run: RunFinding) -> list[str]:
    accuracy = f"{_mean(run.accuracy, '.2f')} ± {_number(run.accuracy.std, '.2f')}" if run.accuracy else ""
    loss = f"{_loss(run.loss_first)} → {_loss(run.loss_last)}" if run.loss_first else ""
    return [_mean(run.gradient_ratio, ".1e"), _mean(run.decay_per_layer, "+.2f"), loss, accuracy]


def _loss(spread: Spread | None) -> str:
    return _mean(spread, ".2f" if spread and (spread.mean or 0) < 100 else ".1e")


def _mean(spread: Spread | None, form: str) -> str:
    return _number(spread.mean, form) if spread else ""


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"


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
    for backend in _backends(document):
        runs = [(c.name, c.runs[backend].agreement) for c in document.configurations if backend in c.runs]
        known = [(name, agreement) for name, agreement in runs if agreement and agreement.agrees is not None]
        if known and backend != DEFINITION:
            told = (_worst_first_step(known), _worst_training(known), _count(known))
            table.add_row(backend, *map(Text, told))
    return table if table.row_count else None


def _worst_first_step(known: list[tuple[str, Agreement]]) -> str:
    name, worst = max(known, key=lambda pair: _share(pair[1].first_step_error, pair[1].tolerance))
    return f"{_number(worst.first_step_error, '.1e')} of {_number(worst.tolerance, '.1e')}\n{name}"


def _worst_training(known: list[tuple[str, Agreement]]) -> str:
    name, worst = max(known, key=lambda pair: _share(pair[1].divergence, pair[1].sensitivity))
    if worst.divergence is None:
        return "no definition run"
    return f"{_number(worst.divergence, '.1e')} of {_number(worst.sensitivity, '.1e')}\n{name}"


def _share(part: float | None, whole: float | None) -> float:
    if part is None:
        return math.inf if whole is not None else -1.0
    return part / whole if whole else part


def _count(known: list[tuple[str, Agreement]]) -> str:
    agreeing = sum(bool(agreement.agrees) for _, agreement in known)
    return f"all {agreeing}" if agreeing == len(known) else f"{agreeing} of {len(known)}"


def _backends(document: Document) -> list[str]:
    return list(dict.fromkeys(backend for c in document.configurations for backend in c.runs))


def _seconds(document: Document) -> Table | None:
    columns = ("backend", "import", "first steps,\nall together", "a later step,\non average", "device", "threads")
    table = _table(*columns, title="Seconds, as measured when each run was made")
    for backend in _backends(document):
        runs = [c.runs[backend].seconds for c in document.configurations if backend in c.runs]
        times = [seconds for seconds in runs if seconds]
        if times:
            imports = max(t.imports or 0 for t in times)
            later = sum(t.steps or 0 for t in times) / len(times)
            cells = [f"{imports:.1f} s", f"{sum(t.first_step or 0 for t in times):.1f} s", f"{1e3 * later:.1f} ms"]
            table.add_row(backend, *cells, document.device[backend], str(document.threads[backend]))
    return table if table.row_count else None


def _disagreements(document: Document) -> Iterable[str]:
    for c in document.configurations:
        for backend, run in c.runs.items():
            if run.agreement and run.agreement.agrees is False:
                a = run.agreement
                yield (
                    f"Disagrees: {backend}, {c.name}: first-step error {_number(a.first_step_error, '.1e')} of tolerance "
                    f"{_number(a.tolerance, '.1e')}, divergence {_number(a.divergence, '.1e')} beside sensitivity "
                    f"{_number(a.sensitivity, '.1e')}"
                )


def _failures(document: Document) -> Iterable[str]:
    """Every run that is not finished, with its reason; one line where a whole backend shares one."""
    for backend in _backends(document):
        bad = [(c.name, c.runs[backend]) for c in document.configurations if c.runs[backend].status != "finished"]
        if len(bad) == len(document.configurations) and len({run.reason for _, run in bad}) == 1:
            yield f"{backend}: {bad[0][1].status}: {bad[0][1].reason}"
        else:
            yield from (f"{backend}, {name}: {run.status}: {run.reason}" for name, run in bad)


def _notes(document: Document, results: str) -> Iterable[str]:
    bounds = document.thresholds
    yield (
        f"Vanishing is a gradient ratio first/last layer below {bounds.vanishing:g}, exploding one above {bounds.exploding:g}, "
        "at the first step. Numbers are means over the seeds, ± their standard deviation."
    )
    yield "Each backend ran in a process of its own, as many of them side by side as there are cores."
    yield f"Every run, by layer and step: {results}/*.parquet"
