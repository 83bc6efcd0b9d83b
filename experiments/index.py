"""The index: which runs of a store make an experiment, so that its report can be made again without running anything.

`experiment-<name>.json` lies beside the runs. It has what a run does not know: the question, the command, the names of the
configurations in their order, and the reason of every run that there is not. `python -m experiments.report` reads it; where a
folder has none, the configurations are named after their plans.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from common.errors import UserError
from common.findings import Configuration, Document, Outcome, Status, all_agree, configuration
from common.plan import Plan
from common.verdict import Thresholds
from experiments.experiment import Experiment, Settings, name_of
from experiments.store import Run, Store, read_run

if TYPE_CHECKING:
    from experiments.runner import Job


class Failure(BaseModel):
    """Why there is no run."""

    status: Status
    reason: str | None


class Entry(BaseModel):
    """One configuration: the ids of its runs by backend, the definition's from moved weights, and what failed."""

    name: str
    plan: Plan
    runs: dict[str, str]
    moved: str | None = None
    failures: dict[str, Failure] = {}


class Index(BaseModel):
    """One experiment as it was last asked for."""

    model_config = ConfigDict(frozen=True)

    experiment: str
    question: str
    command: str
    thresholds: Thresholds
    entries: list[Entry]


@dataclass(frozen=True)
class Source:
    """An experiment's findings, and the runs that they were made from.

    Attributes:
        label: The folder as the user named it.
        entries: Configurations by name.
        runs: By run id.
    """

    label: str
    entries: dict[str, Entry]
    document: Document
    runs: Mapping[str, Run]

    def run(self, name: str, backend: str) -> Run | None:
        """The run of a configuration on a backend."""
        entry = self.entries.get(name)
        return self.runs.get(entry.runs.get(backend, "")) if entry else None

    def moved(self, name: str) -> Run | None:
        """The definition's run of a configuration from weights moved by one unit in the last place."""
        entry = self.entries.get(name)
        return self.runs.get(entry.moved or "") if entry else None


def source(index: Index, have: Mapping[str, Run], label: str) -> Source:
    """The findings of an index's experiment, from the runs at hand."""
    return Source(label, {entry.name: entry for entry in index.entries}, document(index, have), have)


def of_jobs(
    experiment: Experiment,
    jobs: Iterable[Job],
    failures: Mapping[str, Outcome],
    absent: Mapping[str, str],
    *,
    name: str,
    command: str,
) -> Index:
    """The index of an experiment.

    Args:
        experiment: As read.
        jobs: All its jobs, those in the store already among them.
        failures: By run id.
        absent: Backends that are not installed, with the reason to give.
        name: The experiment's.
        command: The command line.
    """
    entries: dict[str, Entry] = {}
    for job in (job for job in jobs if not job.plan.perturbed):
        entry = entries.setdefault(job.name, Entry(name=job.name, plan=job.plan, runs={}))
        entry.runs[job.backend] = job.run_id
        if failed := failures.get(job.run_id):
            entry.failures[job.backend] = Failure(status=failed.status, reason=failed.reason)
    for job in (job for job in jobs if job.plan.perturbed):
        entries[job.name].moved = job.run_id
    for entry in entries.values():
        entry.failures |= {backend: Failure(status="missing", reason=reason) for backend, reason in absent.items()}
    shared = {"question": experiment.question, "thresholds": experiment.thresholds, "entries": list(entries.values())}
    return Index(experiment=name, command=command, **shared)


def document(index: Index, have: Mapping[str, Run]) -> Document:
    """The findings, from the runs that there are and the reasons for those that there are not."""
    configurations = [_configuration(entry, have, index.thresholds) for entry in index.entries]
    ids = {run_id for entry in index.entries for run_id in (*entry.runs.values(), entry.moved)}
    headers = [run.header for run_id, run in have.items() if run_id in ids]
    return Document(
        experiment=index.experiment,
        question=index.question,
        command=index.command,
        versions={package: version for header in headers for package, version in header.versions.items()},
        device={header.backend: header.device for header in headers},
        threads={header.backend: header.threads for header in headers},
        exclusive={name: all(h.exclusive for h in headers if h.backend == name) for name in {h.backend for h in headers}},
        thresholds=index.thresholds,
        configurations=configurations,
        agrees=all_agree(configurations),
    )


def _configuration(entry: Entry, have: Mapping[str, Run], thresholds: Thresholds) -> Configuration:
    outcomes = {backend: _outcome(entry, backend, have) for backend in dict.fromkeys((*entry.runs, *entry.failures))}
    moved = have.get(entry.moved or "")
    return configuration(entry.name, entry.plan, outcomes, moved.trace if moved else None, thresholds)


def _outcome(entry: Entry, backend: str, have: Mapping[str, Run]) -> Outcome:
    run = have.get(entry.runs.get(backend, ""))
    if run:
        return Outcome("finished", None, *run)
    failure = entry.failures.get(backend)
    return Outcome(failure.status, failure.reason) if failure else Outcome("crashed", "its file in the store could not be read")


def path_of(store: Store, experiment: str) -> Path:
    """Where the index of an experiment is kept, which may be named by its file."""
    return store.directory / f"experiment-{Path(experiment).stem}.json"


def load(folder: Path, experiment: str | None = None) -> Source:
    """The experiment of a folder of runs: the one asked for, or the one that was asked for last.

    Raises:
        UserError: The folder has no runs, or no such experiment.
    """
    runs = {path.stem: run for path in sorted(folder.glob("*.parquet"), key=_age) if (run := read_run(path))}
    if not runs:
        raise UserError(f"a folder must hold finished runs (*.parquet); received {folder}")
    found = sorted(folder.glob("experiment-*.json"), key=_age)
    if experiment:
        found = [path for path in found if path.stem == f"experiment-{Path(experiment).stem}"]
        if not found:
            raise UserError(f"--experiment must be one that was run into the folder; received {experiment!r} for {folder}")
    if not found:
        return source(named_by_plans(runs, folder), runs, str(folder))
    try:
        index = Index.model_validate_json(found[-1].read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{found[-1]} is damaged: {str(error).splitlines()[0]}") from None
    ids = {run_id for entry in index.entries for run_id in (*entry.runs.values(), entry.moved)}
    return source(index, {run_id: run for run_id, run in runs.items() if run_id in ids}, str(folder))


def _age(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name


NUMBERS = ("depth", "width", "steps", "batch_size", "learning_rate", "precision", "record_every", "test_fraction", "data")


def named_by_plans(runs: Mapping[str, Run], folder: Path) -> Index:
    """An index for a folder without one: every plan is a configuration, named after what tells it from the others."""
    plans: dict[str, dict[str, str]] = {}
    moved: dict[str, str] = {}
    for run_id, run in runs.items():
        key = run.header.plan.model_copy(update={"perturbed": False}).model_dump_json()
        if run.header.plan.perturbed:
            moved[key] = run_id
        else:
            plans.setdefault(key, {})[run.header.backend] = run_id
    found = {key: settings_of(Plan.model_validate_json(key)) for key in plans}
    telling = [n for n in NUMBERS if len({getattr(settings, n) for settings in found.values()}) > 1]
    entries: dict[str, Entry] = {}
    for key, settings in found.items():
        name = _unused(name_of(settings, {n: getattr(settings, n) for n in telling}, {}), entries)
        runs_of = {b: plans[key][b] for b in sorted(plans[key], key=_definition_first)}
        entries[name] = Entry(name=name, plan=Plan.model_validate_json(key), runs=runs_of, moved=moved.get(key))
    question = f"What became of the gradient in the runs of {folder.name}?"
    command = f"python -m experiments.report {folder}"
    return Index(
        experiment=folder.name, question=question, command=command, thresholds=Thresholds(), entries=list(entries.values())
    )


def _definition_first(backend: str) -> int:
    from backends import NEEDS

    return list(NEEDS).index(backend) if backend in NEEDS else len(NEEDS)


def _unused(name: str, taken: Iterable[str]) -> str:
    names, number = set(taken), 1
    while (name if number == 1 else f"{name} ({number})") in names:
        number += 1
    return name if number == 1 else f"{name} ({number})"


def settings_of(plan: Plan) -> Settings:
    """What an experiment would have to say to get this plan."""
    network = {key: getattr(plan.network, key) for key in ("depth", "width", "activation", "normalization")}
    shared = {key: getattr(plan, key) for key in ("initialization", "clipping", "precision", "steps", "record_every")}
    task = {"batch_size": plan.task.batch_size, "test_fraction": plan.task.test_fraction, "data": plan.task.source}
    return Settings(**network, **shared, **task, seeds=len(plan.seeds), learning_rate=plan.optimizer.learning_rate)
