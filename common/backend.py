"""The interface that every wing implements, and the training loop that drives it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from common.network import Arrays, Batch, Gradients, State
from common.plan import Plan
from common.quantities import QUANTITIES
from common.trace import Trace

STEPS_OF_A_FETCH = 16
"""So long the quantities stay on the device; they are a few numbers a layer."""


class Program(Protocol):
    """A network and its training step, compiled for one structure.

    Its state stays on the device between steps.

    Attributes:
        traces: How often the training step has been traced to be compiled; 0 where nothing is
            compiled.
    """

    traces: int

    def load(self, state: State, plan: Plan | None = None) -> None:
        """Put a state on the device, and the numbers of another plan of the same structure."""
        ...

    def step(self, batch: Batch) -> Any:
        """Take one training step; return a handle to what it measured, without waiting for it."""
        ...

    def measured(self, handle: Any) -> dict[str, np.ndarray]:
        """Wait for a step and fetch `loss` [seed] and each of `QUANTITIES` [seed, layer]."""
        ...

    def gradients(self) -> Gradients:
        """Wait for the last step and fetch its whole gradient, before and after clipping."""
        ...

    def state(self) -> State:
        """Fetch the state from the device."""
        ...

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Logits [seed, sample, class] in evaluation mode for x [seed, sample, features]."""
        ...


class Backend(Protocol):
    """A wing: its rooms, one for each countermeasure, and what runs a plan."""

    name: str
    activation: ModuleType
    normalization: ModuleType
    skip: ModuleType
    recurrent: ModuleType
    loss: ModuleType
    initialization: ModuleType
    clipping: ModuleType
    optimizer: ModuleType

    def versions(self) -> dict[str, str]:
        """The packages that can move a number, with their versions."""
        ...

    def devices(self) -> list[str]:
        """What it can run on: `cpu:0`, `gpu:1`, ..."""
        ...

    def program(self, plan: Plan, device: str, measure: bool = True) -> Program:
        """Build the network and its training step.

        Args:
            plan: Its structure is what is compiled.
            device: One of `devices`.
            measure: Without it a step gives its loss only, and only the definition has `gradients`;
                the benchmark compares the cost of measuring with it.

        Raises:
            Unsupported: The backend does not have the device.
        """
        ...


@dataclass(frozen=True)
class Training:
    """What `train` returns: the trace, and the seconds of the first and of a later step.

    Of seeds in several groups the first step is that of the first group, a later one that of all
    groups together.
    """

    trace: Trace
    first_step: float
    steps: float


def side_by_side(parts: list[Training]) -> Training:
    """Trainings of some seeds each, all with the same steps, as one of all seeds."""
    traces = [part.trace for part in parts]
    loss = np.concatenate([trace.loss for trace in traces])
    quantities = {
        name: np.concatenate([trace.quantities[name] for trace in traces])
        for name in traces[0].quantities
    }
    trace = Trace(traces[0].steps, loss, quantities)
    return Training(trace, parts[0].first_step, sum(part.steps for part in parts))


def train(
    program: Program,
    plan: Plan,
    batches: Iterable[Batch],
    progress: Callable[[int], None] | None = None,
) -> Training:
    """Run a loaded program over batches and record its quantities.

    They are fetched at most every `STEPS_OF_A_FETCH` steps: until then nothing waits for the
    device.

    Args:
        program: Loaded with the state to start from, and left in the state after the last step.
        plan: Says which steps are recorded.
        batches: At least one.
        progress: Called after each fetch with the number of steps done.
    """
    rows: list[Arrays] = []
    steps: list[int] = []
    waiting: list[Any] = []
    next_fetch = 0
    first_step = 0.0
    clock = time.perf_counter()
    for step, batch in enumerate(batches):
        handle = program.step(batch)
        if plan.recorded(step):
            waiting.append(handle)
            steps.append(step)
            if step >= next_fetch or step == plan.steps - 1:
                rows += [program.measured(one) for one in waiting]
                waiting, next_fetch = [], step + STEPS_OF_A_FETCH
                if progress:
                    progress(step + 1)
        if step == 0:  # which was fetched, and so has ended
            first_step = time.perf_counter() - clock
            clock = time.perf_counter()
    rows += [program.measured(one) for one in waiting]
    later = (time.perf_counter() - clock) / max(1, steps[-1])
    stacked = {
        name: np.stack([row[name] for row in rows], axis=1) for name in ("loss", *QUANTITIES)
    }
    return Training(Trace(np.array(steps), stacked.pop("loss"), stacked), first_step, later)
