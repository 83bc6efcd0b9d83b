"""The main job: one experiment on every backend, compared with the definition.

    python -m experiments.compare                    the default experiment
    python -m experiments.compare depth --steps 10   another one of the catalogue, with other numbers
    python -m experiments.compare mine.toml          one of your own (experiments/experiment.py says what is in the file)

Exit status: 0 when all is well; 1 when a run failed or turned non-finite, agreement with the definition is broken, or a part of
the report could not be written; 2 for a mistake in what was asked; 130 after Ctrl-C, when finished runs are kept and the same
command goes on from there. What ends every command: experiments/entry.py.
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import contextlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from backends import DEFINITION, FRAMEWORKS, NEEDS, install_command, missing
from common.errors import UserError, nearest, shown
from experiments import ending, entry, streams
from experiments.flags import parse, shown_as
from experiments.report.figures.flags import Flags, asked
from experiments.report.figures.flags import check as check_figures

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.cluster import Cluster
    from experiments.executor import Executor
    from experiments.findings.outcome import Outcome
    from experiments.jobs import Job
    from experiments.report.outputs import Said
    from experiments.reported import Source
    from experiments.store import Store

_OWN = "(default: the experiment's)"


def _number(metavar: str, hint: str = _OWN) -> Any:
    return shown_as(metavar, hint)


@dataclass(frozen=True)
class _Options:
    """All but the figures'."""

    experiment: Annotated[str, tyro.conf.Positional] = "countermeasures"
    """An experiment of the catalogue (--list shows them), or a .toml file."""
    backends: Annotated[tuple[str, ...] | None, _number("NAME ...", "(default: numpy and all that are installed)")] = None
    """Of numpy, torch, keras, jax; numpy is the definition, which all are compared with, and always runs."""
    depth: Annotated[int | None, _number("INT")] = None
    """Hidden layers."""
    width: Annotated[int | None, _number("INT")] = None
    """Units of a hidden layer."""
    steps: Annotated[int | None, _number("INT")] = None
    """Training steps."""
    seeds: Annotated[int | None, _number("INT")] = None
    """How many seeds, each with its own weights and its own order of batches."""
    batch_size: Annotated[int | None, _number("INT")] = None
    """Samples in a batch."""
    learning_rate: Annotated[float | None, _number("FLOAT")] = None
    """Of the optimizer; what each has by default: 0.03 SGD and momentum, 0.001 Adam and RMSprop."""
    precision: Annotated[Literal["float32", "float64"] | None, _number("float32|float64")] = None
    """Of the frameworks; the definition is always float64."""
    record_every: Annotated[int | None, _number("K")] = None
    """Keep the quantities of every K-th step."""
    device: Annotated[str, tyro.conf.arg(metavar="cpu|gpu|tpu|cpu:1")] = "cpu"
    """Where the frameworks run; the definition always runs on the processor."""
    cluster: Annotated[str | None, _number("auto|HOST:PORT", "(default: this machine)")] = None
    """Run on the nodes of a Ray cluster (docs/many-machines.md); auto is the one that this machine belongs to."""
    data: Annotated[Path | None, _number("FILE.npz|NAME", "(default: handwritten digits)")] = None
    """Your own data: x [samples, features] numbers, and y [samples] labels or real numbers; or diabetes."""
    time: Annotated[int | None, _number("INT")] = None
    """Steps of a sequence of the data adding; other data have their own."""
    loss: Annotated[str | None, _number("NAME")] = None
    """What the outputs are held to; real numbers need squared_error."""
    output: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("results")
    """Where runs are kept. A run that is there already is not run again."""
    json: Annotated[str | None, _number("FILE|-", "")] = None
    """Write the findings as JSON (experiments/findings/document.py has the fields); - is standard output, and nothing else."""
    tensorboard: Annotated[Path | None, _number("DIR", "")] = None
    """Write event files that TensorBoard opens, the backends as runs that overlay."""
    full: bool = False
    """Print the tables before the answer: verdicts with their reasons, profiles, agreement, seconds."""
    open: bool = False
    """Show the page, which lies beside the runs under the experiment's name, in the browser."""
    exclusive: bool = False
    """Run the backends one after the other, so that their seconds can be compared."""
    fresh: bool = False
    """Run again what is there already."""
    listing: Annotated[bool, tyro.conf.arg(name="list")] = False
    """Show the experiments of the catalogue with their sizes, and end."""
    tried: Annotated[bool, tyro.conf.arg(name="try")] = False
    """Add the first configuration with each other countermeasure, one change at a time."""
    many: bool = False
    """Run more than 1,000 configurations, up to 100,000."""

    def overrides(self) -> dict[str, Any]:
        """What replaces the experiment's own numbers."""
        keys = ("depth", "width", "steps", "seeds", "batch_size", "learning_rate", "precision", "record_every", "time", "loss")
        given = {key: getattr(self, key) for key in keys} | {"data": str(self.data) if self.data else None}
        return {key: value for key, value in given.items() if value is not None}


@dataclass(frozen=True)
class Options(Flags, _Options):  # in the help the fields of the last come first
    """Train one deep network in several frameworks, and see where its gradient vanishes and what brings it back.

    Identical weights and batches go to every backend; the report says what became of the gradient in each configuration,
    and by how much each backend differs from the definition in NumPy.
    """


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
        _check_device(options.device, chosen, cluster)
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
        raise UserError("--exclusive must be without --cluster, where others' work runs beside; received both; leave one out")

    from experiments.cluster import connected

    with connected(options.cluster) as cluster:
        yield cluster


def _list(options: Options, console: Console) -> int:
    from experiments.listing import listing
    from experiments.report.layout import wrapped

    for name, question in listing(choose(options.backends)[0], options.overrides()):
        for line in (*wrapped(name, console.width), *wrapped(question, console.width, "    ")):
            console.print(line, markup=False, soft_wrap=True)
    return 0


def choose(asked: Iterable[str] | None, cluster: Cluster | None = None) -> tuple[list[str], list[str]]:
    """The backends to run, and those that are left out because they are not installed, here or on any node of a cluster.

    Raises:
        UserError: A backend asked for by name does not exist or is not installed.
    """
    lacks, where = (cluster.nodes.missing, " on a node of the cluster") if cluster else (missing, "")
    if asked is None:
        absent = [name for name in FRAMEWORKS if lacks(name)]
        return [name for name in NEEDS if name not in absent], absent
    names = [name for part in asked for name in part.split(",") if name]
    for name in names:
        if name not in NEEDS:
            raise UserError(f"--backends: no backend is called {shown(name)}{nearest(name, NEEDS)}")
        if lacks(name):
            raise UserError(f"--backends: {name} needs {', '.join(lacks(name))}{where}; install with: {install_command(name)}")
    if not names:
        raise UserError(f"--backends must name at least one backend; known: {', '.join(NEEDS)}")
    return [name for name in NEEDS if name in (DEFINITION, *names)], []  # the definition first


def _check_device(device: str, chosen: list[str], cluster: Cluster | None = None) -> None:
    if not re.fullmatch(r"(cpu|gpu|tpu)(:\d+)?", device):
        near = nearest(device.partition(":")[0], ("cpu", "gpu", "tpu"))
        raise UserError(
            f"--device must be cpu, gpu or tpu, with or without a number as in cpu:1; received {shown(device)}{near}"
        )
    if cluster:
        cluster.nodes.check(device, chosen)
    elif device not in ("cpu", "cpu:0"):  # every backend has that one
        from experiments.devices import check

        check(device, [name for name in chosen if name != DEFINITION] or chosen)


def _check_destinations(options: Options) -> None:
    from experiments import destinations
    from experiments.experiment import name_of_file
    from experiments.report import outputs

    destinations.check_folder("--output", options.output)
    destinations.check_name("the page", outputs.page_of(options.output, name_of_file(options.experiment)))
    destinations.check_name("the list of pages", outputs.list_of(options.output))
    if options.json is not None and options.json != "-":
        destinations.check_file("--json", Path(options.json))
    outputs.check(asked(options), options.tensorboard)


def compare(
    options: Options, command: str, chosen: list[str], absent: list[str], cluster: Cluster | None = None
) -> tuple[Source, Said]:
    """Run what is not in the store yet, and make the findings of all; also, what became of their index."""
    from experiments import index, reported
    from experiments.executor import Processes
    from experiments.experiment import check_count, name_of_file, plans, read, with_single_changes
    from experiments.jobs import jobs_of, stored, versions_here
    from experiments.jobs import missing as missing_runs
    from experiments.report import outputs
    from experiments.report.answer import summary
    from experiments.store import Store

    experiment, overrides = read(options.experiment), options.overrides()
    check_count(experiment, {} if options.tried else overrides, many=options.many)  # the changes are those of the file itself
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
        beside.submit(_prepare_library)
        have = {} if options.fresh else stored(jobs, store)
        todo = missing_runs(jobs, have)
        ending.saying(_kept(jobs, store, options.fresh))
        failures: dict[str, Outcome] = {}
        if todo:
            beside.submit(_prepare_charts)
            failures = _run(todo, store, executor, options.fresh)
        have |= stored([job for job in todo if job.run_id not in failures], store)
        cures = {backend: f"not installed; install with: {install_command(backend)}" for backend in absent}
        made = index.of_jobs(experiment, jobs, failures, cures, name=name_of_file(options.experiment), command=command)
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
    """What a signal's message says of the runs: those that are kept; of those that are made again, the ones made since now."""
    paths = {store.path(one.run_id) for one in jobs}
    before = {path: _stamp(path) for path in paths} if fresh else {}

    def sentence() -> str:
        found = {path: _stamp(path) for path in paths}
        count = sum(stamp is not None and stamp != before.get(path) for path, stamp in found.items())
        if fresh:
            cure = "the same command begins again, without --fresh it takes what is there"
            return f"{count} of {len(paths)} runs were made again in {store.directory}; {cure}"
        return f"{count} of {len(paths)} runs are kept in {store.directory}; the same command goes on from there"

    return sentence


def _stamp(path: Path) -> tuple[int, int] | None:
    """What another file of this name would not have."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _prepare_library() -> None:
    """What every page has and another process makes: it takes two seconds, which are free while something else is done."""
    from experiments.report import library

    library.library()


def _prepare_charts() -> None:
    """What every page has and this process makes: it takes a second, which is free while workers run."""
    from experiments.report import script_data

    script_data.specs(folders=False)


def _report(source: Source, options: Options, console: Console) -> Iterator[Said]:
    """Show the report, whatever of it can be written; what can be, and what not, is told one by one."""
    from experiments.report import outputs
    from experiments.report.terminal import show, show_where_more_is

    asked_by_a_program = options.json == "-"
    if asked_by_a_program:
        streams.say(source.document.to_json())
    elif options.json is not None:
        yield outputs.findings(source, Path(options.json))
    if not asked_by_a_program:
        show(source.document, console, str(options.output), full=options.full)  # before the page, which takes a second
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
