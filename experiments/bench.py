"""The benchmark: this project against scripts written by hand, on this machine, in one run.

    python -m experiments.bench --quick

Times are compared as ratios within the run, since machines are shared and noisy: what is compared
is run in turn, each in a process of its own with one thread, and a ratio is shown with its spread
over the repeats. The job is digits, depth 30, width 64, batch 128, float32, SGD 0.01, value
clipping 1.0, each of six activations without and with batch norm. The scripts in
`experiments/peers` do it with the norm of each layer's weight gradient; this project measures all
quantities of all layers.

Exit status: 0; 1 for a measurement that failed; 2 for a mistake in what was asked; and what ends
every command (experiments/entry.py). What was measured until then has been said, a row at a time.
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from backends import FRAMEWORKS, missing
from common.errors import UserError, nearest, shown
from experiments import ending, entry
from experiments.benching import sections
from experiments.benching.chart import CHARTS, draw
from experiments.benching.job import write_job
from experiments.benching.options import Options
from experiments.benching.sections import Row
from experiments.benching.timed import Failed
from experiments.flags import parse

MOST = 1000
"""Repeats at most: one takes minutes."""


def run(options: Options) -> int:
    """Measure all, say each row as it comes, and write what was asked for; returns the exit status.

    Raises:
        UserError: A backend has no such name, or a number is none of a benchmark, or a file cannot
            be written.
    """
    _check(options)
    rows: list[Row] = []
    lost: list[str] = []
    try:
        for row in measured(options):
            spread = (
                f"   {min(row.values):.3g} to {max(row.values):.3g}" if len(row.values) > 1 else ""
            )
            print(
                (
                    f"{row.section:14} {row.backend:6} {row.case:44} {row.median:8.3g} "
                    f"{row.unit}{spread}"
                ),
                flush=True,
            )
            rows.append(row)
    except Failed as failed:
        lost.append(str(failed))
    lost += _write(rows, options)
    for line in lost:
        print(f"error: {line}", file=sys.stderr)
    return int(bool(lost))


def measured(options: Options) -> Iterator[Row]:
    """All rows, one after another.

    Raises:
        Failed: A process that was to be measured did not get to its end.
    """
    names = [name for name in options.backends if not missing(name)]
    with ending.temporary_folder() as folder:
        file = Path(folder) / "job.npz"
        write_job(file)
        yield from sections.whole(options, names, file)
        yield from sections.steps(options, names, file)
        yield from sections.measuring(options, names)
        yield from sections.depths(options, names)
        yield from sections.seeds(options, names)
        yield from sections.widths(options, names, file.parent)


def _check(options: Options) -> None:
    if not 1 <= options.repeats <= MOST:
        raise UserError(
            f"--repeats must be from 1 to {MOST}; received {shown(options.repeats)}; leave it out "
            "for 3"
        )
    for name in options.backends:
        if name not in FRAMEWORKS:
            raise UserError(
                f"--backends: no framework is called {shown(name)}{nearest(name, FRAMEWORKS)}"
            )
    _check_destinations(options)


def _check_destinations(options: Options) -> None:
    from experiments import destinations

    if options.chart:
        from experiments.report.outputs import check_packages

        check_packages("--chart")
        destinations.check_file("--chart", options.chart)
        if options.chart.suffix not in CHARTS:
            raise UserError(
                f"--chart must end in {' or '.join(CHARTS)}; received {shown(str(options.chart))}"
            )
    if options.json:
        destinations.check_file("--json", options.json)


def _write(rows: list[Row], options: Options) -> Iterator[str]:
    """Write the chart and the rows, also of a benchmark that was not finished.

    Yields a line for what cannot be written.
    """
    from experiments import destinations

    if options.chart and rows:
        try:
            destinations.write(options.chart, draw(rows, options.chart.suffix))
        except (OSError, MemoryError) as error:
            yield f"the chart {options.chart} could not be written: {destinations.reason(error)}"
    if options.json:
        text = json.dumps([vars(row) | {"median": row.median} for row in rows], indent=2) + "\n"
        try:
            destinations.write(options.json, text.encode())
        except (OSError, MemoryError) as error:
            yield f"the rows {options.json} could not be written: {destinations.reason(error)}"


def main() -> None:
    """The command line."""
    sys.exit(entry.run(lambda: run(parse(Options, "python -m experiments.bench"))))


if __name__ == "__main__":
    main()
