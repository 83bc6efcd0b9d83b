"""Runs of a small plan, and the findings that are made of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import backends
from common.trace import Agreed, Check
from experiments.experiment import plans, read
from experiments.findings.configuration import all_agree, configuration
from experiments.findings.document import Agreement, Document
from experiments.findings.outcome import Outcome
from experiments.findings.thresholds import Thresholds
from experiments.tables import Run
from experiments.working import Job, Worker

SMALL = {"depth": 4, "width": 8, "steps": 5, "batch_size": 16, "seeds": 2}


PLAN = plans(read("countermeasures"), SMALL)["tanh + xavier"]


@pytest.fixture(scope="module")
def worker() -> Worker:
    return Worker(backends.load("numpy"), threads=1, imports=0.1)


@pytest.fixture(scope="module")
def run(worker: Worker) -> Run:
    return worker.run(Job(run_id="run1", plan=PLAN, device="cpu"))


def checked(*outcomes: Agreed) -> list[Check]:
    """Steps with these outcomes."""
    reasons = {
        "broken": "loss, seed 0, step 0: error 1, bound 0.5",
        "cannot be judged": "rounding",
        "agrees": None,
    }
    return [
        Check(
            step=step,
            outcome=outcome,
            reason=reasons[outcome],
            error=float(outcome == "broken"),
            bound=0.5,
            where="loss, seed 0",
        )
        for step, outcome in enumerate(outcomes)
    ]


def as_torch(run: Run, *outcomes: Agreed, loss_factor: float = 1.0) -> Outcome:
    header = run.header.model_copy(
        update={"backend": "torch", "checks": checked(*(outcomes or ("agrees",)))}
    )
    loss = run.trace.loss * np.array([1.0, *[loss_factor] * 4])
    return Outcome("finished", None, header, dataclasses.replace(run.trace, loss=loss))


def found(run: Run, torch: Outcome, definition: bool = True):
    outcomes = ({"numpy": Outcome("finished", None, *run)} if definition else {}) | {"torch": torch}
    return configuration("it", PLAN, outcomes, Thresholds())


def document(*configurations) -> Document:
    return Document(
        experiment="e", question="q", command="c", versions={}, device={}, threads={}, exclusive={},
        thresholds=Thresholds(),
        configurations=list(configurations), agrees=all_agree(configurations),
    )  # fmt: skip


def agreement_of(run: Run, torch: Outcome, definition: bool = True) -> Agreement:
    agreed = found(run, torch, definition).runs["torch"].agreement
    assert agreed
    return agreed
