"""The main job: one experiment on every backend, compared with the definition.

    python -m experiments.compare                    the default experiment
    python -m experiments.compare depth --steps 10   another of the catalogue, with other numbers
    python -m experiments.compare mine.toml          one of your own

experiments/experiment.py says what is in such a file.

Exit status: 0 when all is well; 1 when a run failed or turned non-finite, agreement with the
definition is broken, or a part of the report could not be written; 2 for a mistake in what was
asked; 130 after Ctrl-C, when finished runs are kept and the same command goes on from there. What
ends every command: experiments/entry.py.
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import UserError
from experiments import entry, streams
from experiments.comparing.choice import check_device, choose
from experiments.comparing.comparison import compare
from experiments.comparing.options import Options
from experiments.flags import parse
from experiments.report.figures.flags import asked

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.cluster import Cluster
    from experiments.report.outputs import Said
    from experiments.reported import Source


def run(options: Options, command: str) -> int:
    """Do what was asked; returns the exit status.

    Raises:
        UserError: What was asked cannot be done.
    """
    from rich.console import Console

    if options.listing:
        return _list(options, Console(highlight=False))
    entry.check_memory()
    _check_destinations(options)
    with _cluster(options) as cluster:
        chosen, absent = choose(options.backends, cluster)
        check_device(options.device, chosen, cluster)
        source, kept = compare(options, command, chosen, absent, cluster)
    reported = _report(source, options, Console(stderr=options.json == "-"))
    lost = [said.line for said in (kept, *reported) if not said.there]
    for line in lost:
        print(f"error: {line}", file=sys.stderr)

    from experiments.findings.configuration import failed

    return int(bool(lost) or failed(source.document))


@contextlib.contextmanager
def _cluster(options: Options) -> Iterator[Cluster | None]:
    if options.cluster is None:
        yield None
        return
    if options.exclusive:
        raise UserError(
            "--exclusive must be without --cluster, where others' work runs beside; received "
            "both; leave one out"
        )

    from experiments.connection import connected

    with connected(options.cluster) as cluster:
        yield cluster


def _list(options: Options, console: Console) -> int:
    from experiments.listing import listing
    from experiments.report.layout import wrapped

    for name, question in listing(choose(options.backends)[0], options.overrides()):
        for line in (*wrapped(name, console.width), *wrapped(question, console.width, "    ")):
            console.print(line, markup=False, soft_wrap=True)
    return 0


def _check_destinations(options: Options) -> None:
    from experiments import destinations
    from experiments.experiment import name_of_file
    from experiments.report import outputs

    destinations.check_folder("--output", options.output)
    destinations.check_name(
        "the page", outputs.page_of(options.output, name_of_file(options.experiment))
    )
    destinations.check_name("the list of pages", outputs.list_of(options.output))
    if options.json is not None and options.json != "-":
        destinations.check_file("--json", Path(options.json))
    outputs.check(asked(options), options.tensorboard)


def _report(source: Source, options: Options, console: Console) -> Iterator[Said]:
    """Show the report, whatever can be written; what can be, and what not, is told one by one."""
    from experiments.report import outputs
    from experiments.report.terminal import show, show_where_more_is

    asked_by_a_program = options.json == "-"
    if asked_by_a_program:
        streams.say(source.document.to_json())
    elif options.json is not None:
        yield outputs.findings(source, Path(options.json))
    if not asked_by_a_program:
        # before the page, which takes a second
        show(source.document, console, str(options.output), full=options.full)
    page = outputs.page_of(options.output, source.document.experiment)
    also = {"figures": asked(options), "tensorboard": options.tensorboard, "opened": options.open}
    beside = outputs.write([source], page, folder=options.output, **also)
    written = next(beside)
    yield written
    for said in beside:
        if said.there and not asked_by_a_program:
            console.print(said.line, markup=False, highlight=False, soft_wrap=True)
        yield said
    if not asked_by_a_program:
        show_where_more_is(page if written.there else None, console, full=options.full)


def _main() -> int:
    return run(parse(Options, " ".join(entry.words("compare"))), entry.command("compare"))


def main() -> None:
    """The command line."""
    sys.exit(entry.run(_main))


if __name__ == "__main__":
    main()
