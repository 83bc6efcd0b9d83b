"""The comparison itself: what is not in the store yet is run, and findings are made of all runs.

What takes time to import is imported where it is needed, and where it can be, while something else
is done.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from backends import install_command
from experiments import ending
from experiments.report.figures.flags import asked
from experiments.report.figures.flags import check as check_figures

if TYPE_CHECKING:
    from common.network import Network
    from experiments.cluster import Cluster
    from experiments.comparing.options import Options
    from experiments.executor import Executor
    from experiments.findings.outcome import Outcome
    from experiments.jobs import Job
    from experiments.report.outputs import Said
    from experiments.reported import Source
    from experiments.store import Store


def compare(
    options: Options,
    command: str,
    chosen: list[str],
    absent: list[str],
    cluster: Cluster | None = None,
) -> tuple[Source, Said]:
    """Run what is not in the store yet, and make the findings of all; what became of the index."""
    from experiments import index, reported
    from experiments.changes import with_single_changes
    from experiments.executor import Processes
    from experiments.experiment import check_count, name_of_file, plans, read
    from experiments.jobs import jobs_of, missing, stored, versions_here
    from experiments.report import outputs
    from experiments.report.answer import summary
    from experiments.store import Store

    experiment = read(options.experiment)
    overrides = options.overrides()
    # the changes are those of the file itself
    check_count(experiment, {} if options.tried else overrides, many=options.many)
    if options.tried:
        experiment = with_single_changes(experiment)
    planned = plans(experiment, overrides)
    if figures := asked(options):
        check_figures(figures, {name: [plan] for name, plan in planned.items()})
    executor = cluster or Processes(at_once=1 if options.exclusive else None)
    versions_of = cluster.nodes.versions if cluster else versions_here
    jobs = jobs_of(planned, chosen, options.device, versions_of)
    store = Store(options.output)
    with ThreadPoolExecutor(max_workers=2) as beside:
        have = {} if options.fresh else stored(jobs, store)
        todo = missing(jobs, have)
        ending.saying(_kept(jobs, store, options.fresh))
        failures: dict[str, Outcome] = {}
        if todo:
            beside.submit(_prepare_library)
            beside.submit(_prepare_charts, [plan.network for plan in planned.values()])
            failures = _run(todo, store, executor, options.fresh)
        have |= stored([job for job in todo if job.run_id not in failures], store)
        cures = {
            backend: f"not installed; install with: {install_command(backend)}"
            for backend in absent
        }
        made = index.of_jobs(
            experiment,
            jobs,
            failures,
            cures,
            name=name_of_file(options.experiment),
            command=command,
        )
        source = reported.source(made, have, str(options.output))
        answered = made.model_copy(update={"answer": summary(source.document)})
        return source, outputs.index(store, answered)


def _run(todo: list[Job], store: Store, executor: Executor, fresh: bool) -> dict[str, Outcome]:
    """Run what is to be done, and show how far it is; returns the failures by run id."""
    from rich.console import Console

    from experiments.listing import announced
    from experiments.report.progress import watcher
    from experiments.runner import Runner

    console = Console(stderr=True)
    console.print(announced(todo), markup=False, highlight=False, soft_wrap=True)
    with watcher(console, todo) as progress, ending.tidied(progress.end):
        return Runner(store, progress, executor, fresh=fresh).run(todo)


def _kept(jobs: Iterable[Job], store: Store, fresh: bool) -> Callable[[], str]:
    """What a signal's message says of the runs: those that are kept.

    Of those that are made again, the ones made since now.
    """
    paths = {store.path(one.run_id) for one in jobs}
    before = {path: _stamp(path) for path in paths} if fresh else {}

    def sentence() -> str:
        found = {path: _stamp(path) for path in paths}
        count = sum(
            stamp is not None and stamp != before.get(path) for path, stamp in found.items()
        )
        if fresh:
            cure = "the same command begins again, without --fresh it takes what is there"
            return f"{count} of {len(paths)} runs were made again in {store.directory}; {cure}"
        return (
            f"{count} of {len(paths)} runs are kept in {store.directory}; the same command goes on "
            "from there"
        )

    return sentence


def _stamp(path: Path) -> tuple[int, int] | None:
    """What another file of this name would not have."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _prepare_library() -> None:
    """What every page has and another process makes.

    It takes two seconds, which are free while something else is done.
    """
    from experiments.report import library

    library.library()


def _prepare_charts(networks: list[Network]) -> None:
    """What the page has and this process makes: a second's work, free while workers run."""
    importlib.import_module("scipy.special")  # of the findings
    from experiments.report import script_data

    script_data.specs(networks, folders=False)
