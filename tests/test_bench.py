"""The benchmark: what it compares computes the same, and its figures are made of what was run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common import draw, task
from common.backend import Backend
from common.plan import Plan
from experiments.benching.job import NORMS, job, write_job
from experiments.benching.sections import Row
from experiments.benching.timed import by_hand, probed


def test_a_script_written_by_hand_computes_the_definitions_gradients(
    backend: Backend, definition: Backend, tmp_path: Path
) -> None:
    size = {"depth": 10, "width": 32}
    write_job(tmp_path / "job.npz", **size)
    said = by_hand(backend.name, tmp_path / "job.npz", "prelu", ",".join(NORMS), 2)
    for found, (norm, kind) in zip(said, NORMS.items(), strict=True):
        plan = Plan.model_validate(job(activation="prelu", normalization=kind, steps=2, **size))
        program = definition.program(plan, "cpu")
        program.load(draw.state(plan))
        program.step(next(draw.batches(plan, task.load(plan.task))))
        gradients = program.gradients()
        weights = [
            weight
            for stack in plan.network.stacks()
            for weight in gradients.parameters[f"{stack.name}.weight"][0]
        ]
        expected = [np.linalg.norm(weight) for weight in weights]
        assert found["norm"] == norm
        # float32; no pre-activation lies so near to 0 that rounding takes it for the other side
        assert np.allclose(found["norms"], expected, rtol=1e-5), norm
        assert found["losses"][0] == pytest.approx(gradients.loss[0], rel=1e-5), norm


def test_a_probe_times_the_first_step_and_every_later_one(backend: Backend) -> None:
    (found,) = probed(backend.name, [job(depth=3, width=8, steps=4)])
    assert len(found["steps"]) == 3
    assert 0 < min(found["steps"]) < found["first_step"]
    assert found["memory"] > 50e6


def test_a_row_quotes_the_median() -> None:
    assert Row("a section", "torch", "a case", "ms", [3.0, 1.0, 2.0]).median == 2.0


def test_a_misspelt_backend_gets_the_nearest_name() -> None:
    command = [sys.executable, "-m", "experiments.bench", "--backends", "troch"]
    found = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]
    )
    assert found.returncode == 2
    assert (
        found.stderr.strip()
        == "error: --backends: no framework is called 'troch'; did you mean 'torch'?"
    )


def test_a_probe_that_fails_is_said_with_its_reason() -> None:
    with pytest.raises(
        RuntimeError,
        match=r"the probe of nobody ended with exit status 1: .*no backend is called 'nobody'",
    ):
        probed("nobody", [])


def test_the_job_is_a_plan() -> None:
    plan = Plan.model_validate(json.loads(json.dumps(job(seeds=2))))
    assert (len(plan.network.sites), plan.precision, plan.seeds) == (30, "float32", (0, 1))
