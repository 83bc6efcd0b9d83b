"""A few of the random plans; `python -m tests.random_plans` runs as many as are wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

import backends
from common.backend import Backend
from experiments.working import Worker
from tests.conftest import load
from tests.random_plans import agreement, data_files, random_plan, words

FEW = 6


def test_a_correct_wing_is_not_called_broken_on_plans_that_nobody_chose(
    backend: Backend, tmp_path: Path
) -> None:
    sources = data_files(tmp_path)
    drawn = (random_plan(number, sources) for number in range(1000, 1200))
    small = [plan for plan in drawn if len(plan.network.sites) <= 10 and plan.network.units <= 16][
        :FEW
    ]
    definition, wing = (
        Worker(one, threads=1, imports=0.0) for one in (backends.load("numpy"), backend)
    )
    for plan in small:
        agreed = agreement(plan, definition, wing, tmp_path / "reference.npz")
        assert agreed.outcome != "broken", f"{words(plan)}: {agreed.reason}"


def test_a_step_that_rounding_decides_before_the_output_is_run_and_said(
    definition: Backend, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Plan 6034: pre-activation, whose last activation belongs to no site."""
    plan = random_plan(6034, data_files(tmp_path))
    own, wing = (
        Worker(one, threads=1, imports=0.0) for one in (definition, load("torch", request.config))
    )
    agreed = agreement(plan, own, wing, tmp_path / "reference.npz")
    assert agreed.outcome == "cannot be judged", agreed.reason


@pytest.mark.parametrize("name", ["torch", "keras"])
def test_what_rounding_decides_breaks_no_agreement(
    request: pytest.FixtureRequest, name: str, tmp_path: Path
) -> None:
    """Plan 5125: units of 1e46 that are equal over the batch, which PyTorch and TensorFlow take for
    another 1 or -1.
    """
    plan = random_plan(5125, data_files(tmp_path))
    definition, wing = (
        Worker(one, threads=1, imports=0.0)
        for one in (backends.load("numpy"), load(name, request.config))
    )
    agreed = agreement(plan, definition, wing, tmp_path / "reference.npz")
    assert agreed.outcome == "agrees", agreed.reason


@pytest.mark.parametrize("name", ["keras", "jax"])
def test_what_is_flushed_on_the_way_back_breaks_no_agreement(
    request: pytest.FixtureRequest, name: str, tmp_path: Path
) -> None:
    """Plan 7238: in float32 a product of batch norm's gradient is flushed that the definition has
    not, in a batch of two, where all else cancels.
    """
    plan = random_plan(7238, data_files(tmp_path))
    definition, wing = (
        Worker(one, threads=1, imports=0.0)
        for one in (backends.load("numpy"), load(name, request.config))
    )
    agreed = agreement(plan, definition, wing, tmp_path / "reference.npz")
    assert agreed.outcome != "broken", agreed.reason
