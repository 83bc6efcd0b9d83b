"""Mutants of a run's file and of an index: none is read as good with other numbers, and none ends
the process.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

import backends
from experiments import index
from experiments.experiment import plans, read
from experiments.index import Index
from experiments.jobs import jobs_of
from experiments.seal import Unreadable
from experiments.store import Store
from experiments.tables import Run, read_run
from experiments.working import Job, Worker
from tests.mutants import OF_BYTES, OF_JSON, mutant

SMALL = {"depth": 3, "width": 4, "steps": 5, "batch_size": 16, "record_every": 2, "seeds": 2}


class Stored(NamedTuple):
    """Two runs and two indexes in a folder, and what they say."""

    folder: Path
    runs: dict[Path, Run]
    indexes: dict[Path, Index]


@cache
def stored() -> Stored:
    """Made once, in a folder that stays for the process."""
    folder = Path(tempfile.mkdtemp(prefix="isograd-attack-"))
    experiment = read("countermeasures")
    chosen = {
        name: plan
        for name, plan in plans(experiment, SMALL).items()
        if name in ("tanh + xavier", "relu + he")
    }
    store = Store(folder)
    worker = Worker(backends.load("numpy"), threads=1, imports=0.1)
    jobs = jobs_of(chosen, ["numpy"], "cpu")
    for job in jobs:
        store.save(worker.run(Job(run_id=job.run_id, plan=job.plan, device="cpu")))
    for name in ("one", "two"):
        index.save(
            store,
            index.of_jobs(experiment, jobs, {}, {"jax": "not installed"}, name=name, command=name),
        )
    runs = {store.path(job.run_id): read_run(store.path(job.run_id)) for job in jobs[:2]}
    indexes = {path: index.read(path) for path in sorted(folder.glob("*.json"))}
    return Stored(folder, runs, indexes)


def same(a: Run, b: Run) -> bool:
    """Whether two runs say the same, NaN for NaN."""
    arrays = [(a.trace.steps, b.trace.steps), (a.trace.loss, b.trace.loss)]
    arrays += [(a.trace.quantities[name], b.trace.quantities[name]) for name in a.trace.quantities]
    return a.header == b.header and all(
        np.array_equal(one, other, equal_nan=True) for one, other in arrays
    )


def attack(rng: np.random.Generator) -> str:
    """Read a mutant."""
    made = stored()
    of_run = rng.random() < 0.5
    files = list(made.runs if of_run else made.indexes)
    path, other = (files[i] for i in rng.permutation(2))
    original = path.read_bytes()
    kind, content = mutant(rng, original, other.read_bytes(), OF_BYTES if of_run else OF_JSON)
    copy = made.folder / "copy" / path.name
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(content)
    what = f"{'run' if of_run else 'index'}, {kind}"
    found = _read(copy, of_run)
    if isinstance(found, str):
        assert content != original, f"{what}: a good file is refused: {found}"
        return f"{what}: {found}"
    good = same(found, made.runs[path]) if isinstance(found, Run) else found == made.indexes[path]
    assert good, f"{what}: read as good, and says something else"
    return f"{what}: read, and says the same" + (
        " (no byte differs)" if content == original else ""
    )


def _read(path: Path, of_run: bool) -> Run | Index | str:
    """What is in the file, or why it is not taken."""
    try:
        return read_run(path) if of_run else index.read(path)
    except Unreadable as why:
        return " ".join(str(why).split()[:4])
