"""A folder of runs with an index, and how one is forged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import backends
from experiments import index, seal
from experiments.experiment import plans, read
from experiments.jobs import jobs_of
from experiments.store import Store
from experiments.working import Job, Worker

SMALL = {"depth": 3, "width": 4, "steps": 2, "batch_size": 16, "seeds": 1}


CHOSEN = ("tanh + xavier", "relu + he")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two configurations, asked for under two names, `two` last."""
    experiment = read("countermeasures")
    chosen = {name: plan for name, plan in plans(experiment, SMALL).items() if name in CHOSEN}
    store = Store(tmp_path / "runs")
    worker = Worker(backends.load("numpy"), threads=1, imports=0.1)
    jobs = jobs_of(chosen, ["numpy"], "cpu")
    for job in jobs:
        store.save(worker.run(Job(run_id=job.run_id, plan=job.plan, device="cpu")))
    for name in ("one", "two"):
        index.save(store, index.of_jobs(experiment, jobs, {}, {}, name=name, command=name))
    return tmp_path / "runs"


def forge(path: Path, change: Callable[[Any], object]) -> None:
    """Change what an index says, and give it the digest of that: a folder from somebody else."""
    written = json.loads(path.read_bytes())
    change(written)
    written["seal"] = seal.OPEN
    path.write_bytes(seal.close(json.dumps(written).encode()))
