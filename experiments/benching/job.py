"""The job that is measured: its plan, and its data and weights as a file for scripts by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu")
NORMS = {"plain": "none", "batch_norm": "batch"}


def job(**changes: Any) -> dict[str, Any]:
    """The plan of the job as JSON, with some numbers changed."""
    numbers = {
        "depth": 30,
        "width": 64,
        "activation": "relu",
        "normalization": "none",
        "steps": 30,
        "seeds": 1,
    } | changes
    sizes = {key: numbers[key] for key in ("depth", "width", "activation", "normalization")}
    return {
        "network": {"features": 64, "classes": 10, **sizes},
        "initialization": "he",
        "clipping": {"kind": "value", "threshold": 1.0},
        "optimizer": {"kind": "sgd", "learning_rate": 0.01},
        "task": {"batch_size": numbers.get("batch_size", 128)},
        "precision": "float32",
        "seeds": list(range(numbers["seeds"])),
        "steps": numbers["steps"],
    }


def write_job(file: Path, **changes: Any) -> None:
    """The data and weights of the job, for the hand-written scripts."""
    import numpy as np

    from common import draw, task
    from common.plan import Plan

    plan = Plan.model_validate(job(steps=11, **changes))
    batches = list(draw.batches(plan, task.load(plan.task)))
    p = draw.state(plan).parameters
    weights = [weight for stack in plan.network.stacks() for weight in p[f"{stack.name}.weight"][0]]
    arrays = {f"w{i}": weight.astype(np.float32) for i, weight in enumerate(weights)}
    x = np.stack([batch.x[0] for batch in batches]).astype(np.float32)
    np.savez(
        file, x=x, y=np.stack([batch.y[0] for batch in batches]), layers=len(weights), **arrays
    )
