"""The interface that every wing implements, and the training loop that drives it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from common.network import Batch, Gradients, State
from common.plan import Plan
from common.quantities import QUANTITIES
from common.trace import Trace


class Program(Protocol):
    """A network and its training step, compiled for one structure; its state stays on the device between steps."""

    def load(self, state: State) -> None:
        """Put parameters and running statistics on the device."""
        ...

    def step(self, batch: Batch) -> Any:
        """Take one training step; return a handle to what it measured, without waiting for it."""
        ...

    def measured(self, handle: Any) -> dict[str, np.ndarray]:
        """Wait for a step and fetch `loss` [seed] and each of `QUANTITIES` [seed, layer]."""
        ...

    def gradients(self, handle: Any) -> Gradients:
        """Wait for a step and fetch its whole gradient, before clipping."""
        ...

    def state(self) -> State:
        """Fetch parameters and running statistics from the device."""
        ...

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Logits [seed, sample, class] in evaluation mode for x [seed, sample, features]."""
        ...


class Backend(Protocol):
    """A wing: its rooms, one for each countermeasure, and what runs a plan."""

    name: str
    activation: ModuleType
    normalization: ModuleType
    initialization: ModuleType
    clipping: ModuleType

    def versions(self) -> dict[str, str]:
        """The packages that can move a number, with their versions."""
        ...

    def devices(self) -> list[str]:
        """What it can run on: `cpu:0`, `gpu:1`, ..."""
        ...

    def program(self, plan: Plan, device: str) -> Program:
        """Build and compile the network and its training step.

        Raises:
            Unsupported: The backend does not have the device.
        """
        ...


@dataclass(frozen=True)
class Training:
    """What `train` returns: the trace, the first step's gradient, and the seconds of the first and of a later step."""

    trace: Trace
    first_gradients: Gradients
    first_step: float
    steps: float


def train(program: Program, plan: Plan, batches: Iterable[Batch], progress: Callable[[int], None] | None = None) -> Training:
    """Run a loaded program over batches and record its quantities.

    Args:
        program: Loaded with the state to start from, and left in the state after the last step.
        plan: Says which steps are recorded.
        batches: At least one.
        progress: Called after each recorded step with the number of steps done.
    """
    rows: list[dict[str, np.ndarray]] = []
    steps: list[int] = []
    first: Gradients | None = None
    first_step, clock = 0.0, time.perf_counter()
    for step, batch in enumerate(batches):
        handle = program.step(batch)
        if plan.recorded(step):
            rows.append(program.measured(handle))
            steps.append(step)
            if progress:
                progress(step + 1)
        if first is None:
            first_step = time.perf_counter() - clock
            first = program.gradients(handle)
            clock = time.perf_counter()
    assert first is not None, "there must be a batch"
    later = (time.perf_counter() - clock) / max(1, steps[-1])
    stacked = {name: np.stack([row[name] for row in rows], axis=1) for name in ("loss", *QUANTITIES)}
    return Training(Trace(np.array(steps), stacked.pop("loss"), stacked), first, first_step, later)
