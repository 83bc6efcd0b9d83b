"""The training loops that the reference shows: each runs in an empty folder, and learns what the
definition does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.backend import Backend
from common.network import Batch, State
from common.plan import Plan
from tests.conftest import load
from tests.derived import batch_of

LOOPS = Path(__file__).parents[1] / "docs" / "examples"
FORMS = {"torch": "torch", "keras": "keras", "linen": "jax", "nnx": "jax"}
STEPS = 12


def shown(plan: Callable[..., Plan]) -> Plan:
    """The plan of the loops."""
    return plan(
        depth=2, activation="relu",
        normalization={"kind": "batch", "epsilon": 1e-5, "momentum": 0.9}, initialization="he",
        clipping={"kind": "global_norm", "threshold": 1.0},
        optimizer={"kind": "momentum", "momentum": 0.9}, seeds=(0,),
        steps=STEPS,
    )  # fmt: skip


def given_of(state: State, batches: list[Batch]) -> dict[str, np.ndarray]:
    kernels = [
        kernel
        for name, a in state.parameters.items()
        if name.endswith("weight")
        for kernel in a[0].reshape(-1, *a.shape[-2:])
    ]
    arrays = {f"kernel_{i}": kernel for i, kernel in enumerate(kernels)}
    return arrays | {
        "x": np.stack([batch.x[0] for batch in batches]),
        "y": np.stack([batch.y[0] for batch in batches]),
    }


@pytest.mark.parametrize("form", FORMS)
def test_a_loop_that_is_shown_trains_as_the_definition_does(
    form: str,
    definition: Backend,
    plan: Callable[..., Plan],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    load(FORMS[form], request.config)
    from common import draw

    small = shown(plan)
    state = draw.state(small)
    batches = [batch_of(small, seed) for seed in range(STEPS)]
    program = definition.program(small, "cpu")
    program.load(state)
    losses = [program.measured(program.step(batch))["loss"][0] for batch in batches]
    given: dict[str, Any] = given_of(state, batches)
    np.savez(tmp_path / "given.npz", **given)
    shutil.copy(LOOPS / f"loop_{form}.py", tmp_path / "loop.py")
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-P", "loop.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = np.load(tmp_path / "found.npz")
    assert max(losses) - min(losses) > 0.05
    np.testing.assert_allclose(found["losses"], losses, rtol=1e-10)
    np.testing.assert_allclose(
        found["outputs"], program.predict(batches[0].x)[0], rtol=1e-8, atol=1e-9
    )
