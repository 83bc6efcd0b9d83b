"""A small run of the definition, made once for the tests of a file."""

from __future__ import annotations

import pytest

import backends
from experiments.experiment import plans, read
from experiments.tables import Run
from experiments.working import Job, Worker

ID = "0123456789abcdef"
SMALL = {"depth": 4, "width": 8, "steps": 6, "batch_size": 16, "record_every": 4, "seeds": 2}


def a_run(name: str = "relu + he", **overrides: object) -> Run:
    plan = plans(read("countermeasures"), SMALL | overrides)[name]
    return Worker(backends.load("numpy"), threads=1, imports=0.1).run(
        Job(run_id=ID, plan=plan, device="cpu")
    )


@pytest.fixture(scope="module")
def run() -> Run:
    return a_run()
