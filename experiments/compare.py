"""The main job: one experiment on every backend, compared with the definition.

    python -m experiments.compare                    the default experiment
    python -m experiments.compare depth --steps 10   another one of the catalogue, with other numbers
    python -m experiments.compare mine.toml          one of your own (experiments/experiment.py says what is in the file)

Exit status: 0 when all is well; 1 when a run failed or turned non-finite, or agreement with the definition is broken; 2 for a
mistake in what was asked; 130 after Ctrl-C, when finished runs are kept and the same command goes on from there.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from backends import DEFINITION, FRAMEWORKS, NEEDS, install_command, missing
from common.errors import UserError, nearest
from experiments.flags import parse

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.cluster import Cluster
    from experiments.index import Source

_OWN = "(default: the experiment's)"


def _number(metavar: str, hint: str = _OWN) -> Any:
    return tyro.conf.arg(metavar=metavar, help_behavior_hint=hint)


@dataclass(frozen=True)
class Options:
    """Train one deep network in several frameworks, and see where its gradient vanishes and what brings it back.

    Identical weights and batches go to every backend; the report says what became of the gradient in each configuration,
    and by how much each backend differs from the definition in NumPy.
    """

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
    """Of the SGD."""
    precision: Annotated[Literal["float32", "float64"] | None, _number("float32|float64")] = None
    """Of the frameworks; the definition is always float64."""
    record_every: Annotated[int | None, _number("K")] = None
    """Keep the quantities of every K-th step."""
    device: Annotated[str, tyro.conf.arg(metavar="cpu|gpu|tpu|cpu:1")] = "cpu"
    """Where the frameworks run; the definition always runs on the processor."""
    cluster: Annotated[str | None, _number("auto|HOST:PORT", "(default: this machine)")] = None
    """Run on the nodes of a Ray cluster (docs/many-machines.md); auto is the one that this machine belongs to."""
    data: Annotated[Path | None, _number("FILE.npz", "(default: handwritten digits)")] = None
    """Your own data: x [samples, features] numbers, and y [samples] integer labels."""
    output: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("results")
    """Where runs are kept. A run that is there already is not run again."""
    json: Annotated[str | None, _number("FILE|-", "")] = None
    """Write the findings as JSON (experiments/findings/document.py has the fields); - is standard output, and nothing else."""
    figures: Annotated[Path | None, _number("DIR", "")] = None
    """Write the charts as SVG and PNG, for one column of a paper."""
    tensorboard: Annotated[Path | None, _number("DIR", "")] = None
    """Write event files that TensorBoard opens, the backends as runs that overlay."""
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

    def overrides(self) -> dict[str, Any]:
        """What replaces the experiment's own numbers."""
        keys = ("depth", "width", "steps", "seeds", "batch_size", "learning_rate", "precision", "record_every")
        given = {key: getattr(self, key) for key in keys} | {"data": str(self.data) if self.data else None}
        return {key: value for key, value in given.items() if value is not None}


def run(options: Options, command: str) -> int:
    """Do what was asked; returns the exit status.

    Raises:
        UserError: What was asked cannot be done.
    """
    from rich.console import Console

    if options.listing:
        return _list(options, Console(highlight=False))
    with _cluster(options) as cluster:
        chosen, absent = choose(options.backends, cluster)
        _check_device(options.device, chosen, cluster)
        if options.tensorboard:
            _check_tensorboard()
        source, kept = compare(options, command, chosen, absent, cluster)
    _write(source, options, Console(stderr=options.json == "-"))

    from experiments.findings.configuration import failed

    return int(failed(source.document) or not kept)


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
            raise UserError(f"--backends: no backend is called {name!r}{nearest(name, NEEDS)}")
        if lacks(name):
            raise UserError(f"--backends: {name} needs {', '.join(lacks(name))}{where}; install with: {install_command(name)}")
    if not names:
        raise UserError(f"--backends must name at least one backend; known: {', '.join(NEEDS)}")
    return [name for name in NEEDS if name in (DEFINITION, *names)], []  # the definition first


def _check_device(device: str, chosen: list[str], cluster: Cluster | None = None) -> None:
    if not re.fullmatch(r"(cpu|gpu|tpu)(:\d+)?", device):
        near = nearest(device.partition(":")[0], ("cpu", "gpu", "tpu"))
        raise UserError(f"--device must be cpu, gpu or tpu, with or without a number as in cpu:1; received {device!r}{near}")
    if cluster:
        cluster.nodes.check(device, chosen)
    elif device not in ("cpu", "cpu:0"):  # every backend has that one
        from experiments.devices import check

        check(device, [name for name in chosen if name != DEFINITION] or chosen)


def _check_tensorboard() -> None:
    from experiments.report.tensorboard import check

    check()


def compare(
    options: Options, command: str, chosen: list[str], absent: list[str], cluster: Cluster | None = None
) -> tuple[Source, bool]:
    """Run what is not in the store yet, and make the findings of all; also, whether their index could be kept."""
    from rich.console import Console

    from experiments import index
    from experiments.executor import Processes
    from experiments.experiment import plans, read, with_single_changes
    from experiments.report.progress import watcher
    from experiments.runner import Runner, jobs_of, stored, versions_here
    from experiments.runner import missing as missing_runs
    from experiments.store import Store

    experiment = read(options.experiment)
    if options.tried:
        experiment = with_single_changes(experiment)
    executor = cluster or Processes(at_once=1 if options.exclusive else None)
    versions_of = cluster.nodes.versions if cluster else versions_here
    jobs = jobs_of(plans(experiment, options.overrides()), chosen, options.device, versions_of)
    store = Store(options.output)
    have = {} if options.fresh else stored(jobs, store)
    todo = missing_runs(jobs, have)
    with watcher(Console(stderr=True), todo) as progress, ThreadPoolExecutor(max_workers=1) as beside:
        beside.submit(_prepare)
        failures = Runner(store, progress, executor, fresh=options.fresh).run(todo)
    have |= stored([job for job in todo if job.run_id not in failures], store)
    cures = {backend: f"not installed; install with: {install_command(backend)}" for backend in absent}
    made = index.of_jobs(experiment, jobs, failures, cures, name=options.experiment, command=command)
    kept = index.keep(store, made)
    return index.source(made, have, str(options.output)), kept


def _prepare() -> None:
    from experiments.report.page import prepare

    prepare()


def _write(source: Source, options: Options, console: Console) -> None:
    from experiments.report.outputs import page_of, write
    from experiments.report.terminal import show, show_answer

    if options.json and options.json != "-":
        try:
            Path(options.json).write_text(source.document.to_json() + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(f"--json must name a file that can be written; received {options.json}: {error.strerror}") from None
    if options.json == "-":
        print(source.document.to_json())
    else:
        show(source.document, console, str(options.output))
    page = page_of(options.output, source.document)
    try:
        for line in write([source], page, figures=options.figures, tensorboard=options.tensorboard, opened=options.open):
            if options.json != "-":
                console.print(line, markup=False, highlight=False, soft_wrap=True)
    finally:
        if options.json != "-":
            show_answer(source.document, console)


def main() -> None:
    """The command line."""
    command = shlex.join(["python", "-m", "experiments.compare", *sys.argv[1:]])
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue]
    try:
        sys.exit(run(parse(Options, "python -m experiments.compare"), command))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as interrupt:
        print(interrupt, file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
