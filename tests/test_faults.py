"""Planted faults: the list is whole, and the judge calls them broken and names the place (all of
them: tests/plant.py).
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

import backends
from common.plan import Plan
from common.trace import Check
from experiments.working import Job, Worker
from tests.conftest import load
from tests.faults import (
    FAULTS,
    KINDS,
    NONE,
    PLANS,
    ROOMS,
    UNSEEN,
    Edit,
    Fault,
    faulty,
    mutated,
    planted,
)
from tests.planted_plans import plan_of

BY_NAME = {fault.name: fault for fault in FAULTS}
PLACES = {
    "evaluation by batch statistics": "evaluation output,",
    "running variance unbiased": "running value of variance,",
    "one layer not updated": "layer 4,",
    "signal gradient of the next layer": "signal_gradient_rms,",
    "weight gradient after clipping": "weight_gradient_rms,",
    "slope of PReLU not trained": "of slope,",
}
"""What the judge has to name for some of the faults."""


@pytest.mark.parametrize("wing", backends.FRAMEWORKS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_finds_its_text_in_the_wing_and_leaves_python(fault: Fault, wing: str) -> None:
    sources = mutated(fault, wing)
    assert set(sources) <= set(ROOMS)
    for text in sources.values():
        ast.parse(text)


def test_there_are_at_least_25_kinds_of_faults_in_each_wing_and_no_two_of_one_name() -> None:
    assert all(sorted(fault.wings) == sorted(backends.FRAMEWORKS) for fault in FAULTS)
    assert not [
        name for name, count in Counter(fault.name for fault in FAULTS).items() if count > 1
    ]
    assert len(KINDS) >= 25
    assert {fault.plan for fault in FAULTS} == set(PLANS)
    assert set(UNSEEN) <= {NONE, *(fault.name for fault in KINDS)}


@pytest.mark.parametrize("text", ["nothing", "twice twice"])
def test_a_text_that_is_not_there_exactly_once_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="once in network"):
        planted(text, Edit("network", "twice", "once"))


def small(name: str) -> Plan:
    """The campaign's plan, short enough for the suite."""
    plan = plan_of(name, depth=5, precision="float64", record_every=1)
    return plan.model_copy(update={"steps": 2})


def checks(plan: Plan, fault: Fault | None, folder: Path) -> list[Check]:
    """What the judge says of the PyTorch wing with a fault."""
    reference = str(folder / "references.npz")
    Worker(backends.load("numpy"), 1, 0.0).run(
        Job(run_id="definition", plan=plan, device="cpu", reference=reference)
    )
    with faulty(fault, "torch") as wing:
        return (
            Worker(wing, 1, 0.0)
            .run(Job(run_id="wing", plan=plan, device="cpu", reference=reference))
            .header.checks
        )


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
def test_the_same_wing_without_a_fault_agrees(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    load("torch", request.config)
    assert [check.outcome for check in checks(small(name), None, tmp_path)] == ["agrees", "agrees"]
