"""The index.

Which runs of a store make an experiment, so that its report can be made again without running
anything.

`experiment-<name>.json` lies beside the runs. It has what a run does not know: the question, the
command, the names of the configurations in their order, and the reason of every run that there is
not. `python -m experiments.report` reads it; where a folder has none, the configurations are named
after their plans (experiments/loading.py).

Its first field is its seal, as in a run (experiments/seal.py), and its `sequence` says which
experiment was asked for last, whatever the clock says. A folder may come from somebody else: what
an index says is held to what is known and to the runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from backends import NEEDS
from common.plan import Plan
from common.text import file_stem, label, printable
from common.trace import Told
from experiments import seal
from experiments.experiment import Experiment
from experiments.findings.outcome import Outcome, Status
from experiments.findings.thresholds import Thresholds
from experiments.seal import Damaged, OtherVersion, Unreadable
from experiments.store import Store
from experiments.tables import RUN_ID
from experiments.whole import write_whole

if TYPE_CHECKING:
    from experiments.jobs import Job


def _known(backend: str) -> str:
    if backend not in NEEDS:
        raise ValueError(f"no backend is called {backend!r}")
    return backend


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
        entry.failures |= {
            backend: Failure(status="missing", reason=reason) for backend, reason in absent.items()
        }
    shared = {
        "question": experiment.question,
        "thresholds": experiment.thresholds,
        "entries": list(entries.values()),
    }
    return Index(experiment=name, command=command, **shared)


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
        others = [
            one.sequence for one in read_each(store.directory).values() if isinstance(one, Index)
        ]
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


def read_each(folder: Path) -> dict[Path, Index | Exception]:
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
    return [one for one in read_each(folder).values() if isinstance(one, Index)]
