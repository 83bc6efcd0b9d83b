"""Planted faults: the list is whole, and the judge calls them broken and names the place (all of them: tests/plant.py)."""

from __future__ import annotations

import ast
import importlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import backends
from common.plan import Plan
from common.trace import Check
from experiments.worker import Job, Worker
from tests.conftest import load
from tests.faults import FAULTS, KINDS, PLANS, Edit, Fault, planted, source
from tests.plant import plan_of

BY_NAME = {fault.name: fault for fault in FAULTS}
ROOMS = ("arrays", "activation", "clipping", "normalization", "network", "quantities", "training")
"""In the order in which they import one another."""

PLACES = {
    "evaluation by batch statistics": "evaluation output,",
    "running variance unbiased": "running value of variance,",
    "one layer not updated": "layer 4,",
    "signal gradient of the next layer": "signal_gradient_rms,",
    "weight gradient after clipping": "weight_gradient_rms,",
    "slope of PReLU not trained": "of slope,",
}
"""What the judge has to name for some of the faults."""


def mutated(fault: Fault, wing: str) -> dict[str, str]:
    """The sources of the rooms of a wing that a fault changes."""
    found: dict[str, str] = {}
    for edit in fault.wings[wing]:
        text = found.get(edit.room) or source(wing, edit.room).read_text(encoding="utf-8")
        found[edit.room] = planted(text, edit)
    return found


@pytest.mark.parametrize("wing", backends.FRAMEWORKS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_finds_its_text_in_the_wing_and_leaves_python(fault: Fault, wing: str) -> None:
    for text in mutated(fault, wing).values():
        ast.parse(text)


def test_there_are_at_least_25_kinds_of_faults_in_each_wing_and_no_two_of_one_name() -> None:
    assert all(sorted(fault.wings) == sorted(backends.FRAMEWORKS) for fault in FAULTS)
    assert not [name for name, count in Counter(fault.name for fault in FAULTS).items() if count > 1]
    assert len(KINDS) >= 25
    assert {fault.plan for fault in FAULTS} == set(PLANS)


@pytest.mark.parametrize("text", ["nothing", "twice twice"])
def test_a_text_that_is_not_there_exactly_once_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="once in network"):
        planted(text, Edit("network", "twice", "once"))


@contextmanager
def faulty(fault: Fault | None, wing: str) -> Iterator[None]:
    """The wing with a fault, in this process: its rooms are executed anew, and are themselves again afterwards."""
    modules = [importlib.import_module(f"backends.{wing}.{room}") for room in ROOMS]
    before = [dict(vars(module)) for module in modules]
    sources = mutated(fault, wing) if fault else {}
    try:
        for room, module in zip(ROOMS, modules, strict=True):
            text = sources.get(room) or source(wing, room).read_text(encoding="utf-8")
            exec(compile(text, f"<planted {room}>", "exec"), vars(module))
        yield
    finally:
        for module, held in zip(modules, before, strict=True):
            vars(module).clear()
            vars(module).update(held)


def small(name: str) -> Plan:
    """The campaign's plan, short enough for the suite."""
    plan = plan_of(name, depth=5, precision="float64", record_every=1)
    return plan.model_copy(update={"steps": 2})


def checks(plan: Plan, fault: Fault | None, folder: Path) -> list[Check]:
    """What the judge says of the PyTorch wing with a fault."""
    reference = str(folder / "references.npz")
    definition, wing = backends.load("numpy"), backends.load("torch")
    Worker(definition, 1, 0.0).run(Job(run_id="definition", plan=plan, device="cpu", reference=reference))
    with faulty(fault, "torch"):
        backend = importlib.import_module("backends.torch.training")
        program, wing.program = wing.program, backend.program
        try:
            return Worker(wing, 1, 0.0).run(Job(run_id="wing", plan=plan, device="cpu", reference=reference)).header.checks
        finally:
            wing.program = program


@pytest.mark.parametrize("name", PLACES)
def test_the_judge_calls_a_planted_fault_broken_and_names_the_place(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    load("torch", request.config)
    found = checks(small(BY_NAME[name].plan), BY_NAME[name], tmp_path)
    assert [check.outcome for check in found] == ["broken", "broken"]
    for check in found:
        assert PLACES[name] in check.where
        assert check.where in (check.reason or "")


@pytest.mark.parametrize("name", sorted({BY_NAME[name].plan for name in PLACES}))
def test_the_same_wing_without_a_fault_agrees(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    load("torch", request.config)
    assert [check.outcome for check in checks(small(name), None, tmp_path)] == ["agrees", "agrees"]
