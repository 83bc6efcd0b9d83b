"""The index: which runs of a store make an experiment, so that its report can be made again without running anything.

`experiment-<name>.json` lies beside the runs. It has what a run does not know: the question, the command, the names of the
configurations in their order, and the reason of every run that there is not. `python -m experiments.report` reads it; where a
folder has none, the configurations are named after their plans.

Its first field is its seal, as in a run (experiments/seal.py), and its `sequence` says which experiment was asked for last,
whatever the clock says. A folder may come from somebody else: what an index says is held to what is known and to the runs.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from backends import NEEDS
from common.countermeasures.optimizer import without_rate
from common.errors import UserError, nearest, shown
from common.plan import Plan
from common.text import escaped, file_stem, label, printable
from common.trace import Told
from experiments import seal
from experiments.experiment import Experiment, name_of_file
from experiments.findings.configuration import all_agree, configuration
from experiments.findings.document import Configuration, Document
from experiments.findings.gradient import Thresholds
from experiments.findings.outcome import Outcome, Status
from experiments.seal import Damaged, OtherVersion, Unreadable
from experiments.settings import Settings, name_of
from experiments.store import RUN_ID, Run, Store, read_run
from experiments.whole import write_whole

if TYPE_CHECKING:
    from experiments.runner import Job


def _known(backend: str) -> str:
    if backend not in NEEDS:
        raise ValueError(f"no backend is called {backend!r}")
    return backend


OF_FILE = re.compile("-[0-9a-f]{8}$")
"""What tells the experiments of files of one name apart (`experiments.experiment.name_of_file`)."""

BackendName = Annotated[str, AfterValidator(_known)]
RunId = Annotated[str, Field(pattern=f"^{RUN_ID.pattern}$")]


Words = Annotated[str, AfterValidator(partial(label, most=10_000))]
"""A name or a question: fit for a terminal and a figure."""

Command = Annotated[str, AfterValidator(printable)]


class Failure(BaseModel):
    """Why there is no run."""

    status: Status
    reason: Told | None


class Entry(BaseModel):
    """One configuration: the ids of its runs by backend, and what failed."""

    name: Words
    plan: Plan
    runs: dict[BackendName, RunId]
    failures: dict[BackendName, Failure] = {}


class Index(BaseModel):
    """One experiment as it was last asked for.

    Attributes:
        sequence: The experiment of a folder that was asked for last has the largest one.
        answer: What came of it, in a few lines; empty in indexes from before this was kept.
    """

    model_config = ConfigDict(frozen=True)

    sequence: int = 0

    experiment: str
    question: Words
    command: Command
    thresholds: Thresholds
    entries: list[Entry]
    answer: list[Words] = []


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
    for job in jobs:
        entry = entries.setdefault(job.name, Entry(name=job.name, plan=job.plan, runs={}))
        entry.runs[job.backend] = job.run_id
        if failed := failures.get(job.run_id):
            entry.failures[job.backend] = Failure(status=failed.status, reason=failed.reason)
    for entry in entries.values():
        entry.failures |= {backend: Failure(status="missing", reason=reason) for backend, reason in absent.items()}
    shared = {"question": experiment.question, "thresholds": experiment.thresholds, "entries": list(entries.values())}
    return Index(experiment=name, command=command, **shared)


def document(index: Index, have: Mapping[str, Run]) -> Document:
    """The findings, from the runs that there are and the reasons for those that there are not."""
    configurations = [_configuration(entry, have, index.thresholds) for entry in index.entries]
    ids = {run_id for entry in index.entries for run_id in entry.runs.values()}
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
    return configuration(entry.name, entry.plan, outcomes, thresholds)


def _outcome(entry: Entry, backend: str, have: Mapping[str, Run]) -> Outcome:
    run = have.get(entry.runs.get(backend, ""))
    if run:
        return Outcome("finished", None, *run)
    failure = entry.failures.get(backend)
    return Outcome(failure.status, failure.reason) if failure else Outcome("crashed", "its file in the store could not be read")


def path_of(store: Store, experiment: str) -> Path:
    """Where the index of an experiment is kept."""
    return store.directory / _file_name(experiment)


def _file_name(experiment: str) -> str:
    return f"experiment-{file_stem(experiment)}.json"


def save(store: Store, index: Index) -> None:
    """Keep an index, as the one that was asked for last.

    Raises:
        OSError: It cannot be written.
    """
    path = path_of(store, index.experiment)
    with store.alone("index", wait=True):
        others = [one.sequence for one in _indexes(store.directory).values() if isinstance(one, Index)]
        numbered = index.model_copy(update={"sequence": 1 + max(others, default=0)})
        write_whole(path, seal.close(seal.record(numbered, indent=1).encode()))


def read(path: Path) -> Index:
    """An index by its file.

    Raises:
        Damaged: Its bytes are not those that were written, or it is another experiment's.
        OtherVersion: It is whole, and this version does not read it.
        OSError: It cannot be read.
    """
    content = path.read_bytes()
    seal.check(content, old=_is_json(content))
    try:
        index = Index.model_validate_json(content)
    except ValueError:
        raise OtherVersion("another") from None  # the bytes are as they were written
    if path.name != _file_name(index.experiment):
        raise Damaged(f"it holds the experiment {index.experiment!r}")
    return index


def _is_json(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False


def _indexes(folder: Path) -> dict[Path, Index | Exception]:
    """Every index of a folder, or why it is not taken."""
    found: dict[Path, Index | Exception] = {}
    for path in sorted(folder.glob("experiment-*.json")):
        try:
            found[path] = read(path)
        except (Unreadable, OSError) as why:
            found[path] = why
    return found


def indexes(folder: Path) -> list[Index]:
    """The experiments of a folder that can be read."""
    return [one for one in _indexes(folder).values() if isinstance(one, Index)]


def load(folder: Path, experiment: str | None = None) -> Source:
    """The experiment of a folder of runs: the one asked for, or the one that was asked for last.

    Files that are not taken are named on standard error.

    Raises:
        UserError: The folder has no runs, or no such experiment.
    """
    index = _chosen(folder, experiment)
    paths = _paths(index, folder) if index else sorted(folder.glob("*.parquet"), key=_age)
    runs, left_out = _runs(paths)
    if index:
        foreign = set(_foreign(index, runs))
        left_out |= {folder / f"{run_id}.parquet": Damaged("it is not the run that the index says") for run_id in foreign}
        runs = {run_id: run for run_id, run in runs.items() if run_id not in foreign}
    _say(left_out, folder)
    if not runs:
        raise UserError(f"a folder must hold finished runs (*.parquet) that can be read; received {folder}; run it again")
    return source(index or named_by_plans(runs, folder), runs, str(folder))


def _chosen(folder: Path, experiment: str | None) -> Index | None:
    """The index to report; None where there is none."""
    found = _indexes(folder)
    if experiment:
        path = _asked(experiment, folder, found)
        one = found[path]
        if isinstance(one, Exception):
            raise UserError(f"{path} cannot be read: {seal.reason(one)}; run the experiment again")
        return one
    _say({path: why for path, why in found.items() if isinstance(why, Exception)}, folder)
    good = [one for one in found.values() if isinstance(one, Index)]
    return max(good, key=lambda one: (one.sequence, one.experiment), default=None)


def _asked(experiment: str, folder: Path, paths: Iterable[Path]) -> Path:
    """The index that is meant by the name of an experiment, by its file, or by the file's name where one only has it.

    Raises:
        UserError: There is none, or there are several.
    """
    known = {path.stem.removeprefix("experiment-"): path for path in paths}
    exact = known.get(name_of_file(experiment)) or known.get(experiment)
    plain = {name: OF_FILE.sub("", name) for name in known}
    alike = [name for name in known if plain[name] == file_stem(Path(experiment).name.removesuffix(".toml"))]
    if exact or len(alike) == 1:
        return exact or known[alike[0]]
    rule = f"--experiment must be one that was run into {folder}; received {shown(experiment)}"
    raise UserError(
        rule + (f", which {len(alike)} have; one of: {', '.join(alike)}" if alike else nearest(experiment, set(plain.values())))
    )


def _paths(index: Index, folder: Path) -> list[Path]:
    ids = {run_id for entry in index.entries for run_id in entry.runs.values()}
    return [path for run_id in sorted(ids) if (path := folder / f"{run_id}.parquet").exists()]


def _runs(paths: Iterable[Path]) -> tuple[dict[str, Run], dict[Path, Exception]]:
    """The runs by their ids, and why others are not taken."""
    runs: dict[str, Run] = {}
    left_out: dict[Path, Exception] = {}
    for path in paths:
        try:
            runs[path.stem] = read_run(path)
        except (Unreadable, OSError) as why:
            left_out[path] = why
    return runs, left_out


def _foreign(index: Index, runs: Mapping[str, Run]) -> Iterator[str]:
    """The ids under which there are runs of something else than the index says."""
    for entry in index.entries:
        for backend, run_id in entry.runs.items():
            if run_id in runs and not runs[run_id].is_of(entry.plan, backend):
                yield run_id


def _say(left_out: Mapping[Path, Exception], folder: Path) -> None:
    """Name on standard error what is left out: a damaged file in a line of its own, those of other versions in one."""
    for path, why in left_out.items():
        if not isinstance(why, OtherVersion):
            print(escaped(f"damaged: {path} is left out ({seal.reason(why)}); run it again"), file=sys.stderr)
    others = {path.name: str(why) for path, why in left_out.items() if isinstance(why, OtherVersion)}
    if others:
        first, why = next(iter(others.items()))
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        print(escaped(f"left out: {first}{more} in {folder}: {why}; run again"), file=sys.stderr)


def _age(path: Path) -> tuple[int, str]:
    """In which order runs are taken that no index puts into one."""
    return path.lstat().st_mtime_ns, path.name


NUMBERS = (
    "depth",
    "width",
    "loss",
    "steps",
    "batch_size",
    "learning_rate",
    "precision",
    "record_every",
    "test_fraction",
    "data",
    "standardized",
)


def named_by_plans(runs: Mapping[str, Run], folder: Path) -> Index:
    """An index for a folder without one: every plan is a configuration, named after what tells it from the others."""
    plans: dict[str, dict[str, str]] = {}
    for run_id, run in runs.items():
        plans.setdefault(run.header.plan.model_dump_json(), {})[run.header.backend] = run_id
    found = {key: settings_of(Plan.model_validate_json(key)) for key in plans}
    telling = [n for n in NUMBERS if len({getattr(settings, n) for settings in found.values()}) > 1]
    entries: dict[str, Entry] = {}
    for key, settings in found.items():
        name = _unused(name_of(settings, {n: getattr(settings, n) for n in telling}, {}), entries)
        runs_of = {b: plans[key][b] for b in sorted(plans[key], key=_definition_first)}
        entries[name] = Entry(name=name, plan=Plan.model_validate_json(key), runs=runs_of)
    question = f"What became of the gradient in the runs of {folder.name}?"
    command = f"python -m experiments.report {folder}"
    return Index(
        experiment=folder.name, question=question, command=command, thresholds=Thresholds(), entries=list(entries.values())
    )


def _definition_first(backend: str) -> int:
    return list(NEEDS).index(backend)


def _unused(name: str, taken: Iterable[str]) -> str:
    names, number = set(taken), 1
    while (name if number == 1 else f"{name} ({number})") in names:
        number += 1
    return name if number == 1 else f"{name} ({number})"


def settings_of(plan: Plan) -> Settings:
    """What an experiment would have to say to get this plan."""
    network = {name: value for name, value in plan.network if name in Settings.model_fields and name != "time"}
    shared = {key: getattr(plan, key) for key in ("initialization", "clipping", "precision", "steps", "record_every")}
    shared["initialization_by_layer"] = plan.initialization_by_layer or None
    optimizer = {"optimizer": without_rate(plan.optimizer), "learning_rate": plan.optimizer.learning_rate}
    task = {"batch_size": plan.task.batch_size, "test_fraction": plan.task.test_fraction, "data": plan.task.source}
    task |= {"standardized": plan.task.standardized, "time": plan.task.time}
    return Settings(**network, **shared, **optimizer, **task, seeds=len(plan.seeds))
