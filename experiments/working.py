"""What a worker does: a plan trained on one backend, measured, and compared with the definition."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from backends import DEFINITION
from common import draw, task
from common.agreement import judged_steps
from common.backend import Backend, Program, side_by_side, train
from common.network import State
from common.plan import Plan
from common.trace import Check, Header, Seconds
from experiments import evaluation, judging, references
from experiments.judging import Kept, watched
from experiments.sensitivity import sensitivity
from experiments.store import NotKept
from experiments.tables import Run
from experiments.versions import versions


class Job(BaseModel):
    """What a worker is asked to do.

    Attributes:
        run_id: The name of the run in the store.
        plan: What to run.
        device: Where.
        reference: A file that the definition writes and the others are judged by; without it
            nothing is compared.
        data: Where the plan's data file lies here, if not where the plan says.
        fresh: Run it although the store has it.
        wait: Where another command is doing it, until that has ended.
    """

    run_id: str
    plan: Plan
    device: str
    reference: str | None = None
    data: str | None = None
    fresh: bool = False
    wait: bool = False

    def task(self) -> task.Task:
        """The plan's task, with its data where they lie here."""
        return self.plan.task.model_copy(update={"source": self.data} if self.data else {})


class Worker:
    """What stays between runs: the backend, and the program compiled last."""

    def __init__(
        self, backend: Backend, threads: int, imports: float, exclusive: bool = False
    ) -> None:
        self.backend = backend
        self.threads = threads
        self.imports = imports
        self.exclusive = exclusive
        self.defines = backend.name == DEFINITION
        self.compiled: tuple[Any, Program] | None = None

    def run(self, job: Job, report: Callable[[int], None] | None = None) -> Run:
        """Train and measure a plan; the definition writes the references that others are judged by.

        Args:
            job: What to do.
            report: Called with the number of steps that are done.

        Raises:
            Unsupported: The backend does not have the device.
        """
        plan = job.plan
        data = task.load(job.task())
        groups = plan.groups()
        program = self._program(groups[0], job.device)
        traces = program.traces
        trainings = []
        found = []
        squares: list[np.ndarray] = []
        snapshots: list[dict[int, State]] = []
        for i, group in enumerate(groups):
            program.load(draw.state(group), group)
            done = partial(_of_all_groups, report, i, len(groups), plan.steps) if report else None
            snapshots.append({})
            batches = watched(program, draw.batches(group, data), self._kept(job), snapshots[-1])
            trainings.append(train(program, group, batches, done))
            if job.reference and not self.defines:
                snapshots[-1][plan.steps] = program.state()
            if data.classes:
                found += evaluation.accuracy(program, group, data)
            else:
                squares.append(evaluation.squared_errors(program, group, data))
        training = side_by_side(trainings)
        kept = [Kept(one.trace, states) for one, states in zip(trainings, snapshots, strict=True)]
        header = Header(
            backend=self.backend.name,
            plan=plan,
            run_id=job.run_id,
            versions=versions(self.backend.name),
            device=job.device if ":" in job.device else f"{job.device}:0",
            threads=self.threads,
            seconds=Seconds(
                imports=self.imports, first_step=training.first_step, steps=training.steps
            ),
            seeds_at_once=len(groups[0].seeds),
            traces=program.traces - traces,
            exclusive=self.exclusive,
            checks=self._judged(job, program, groups, data, kept) if job.reference else [],
            accuracy=found if data.classes else None,
            guessing=data.guessing if data.classes else None,
            fit=None if data.classes else evaluation.fit(np.concatenate(squares), data),
            test_samples=len(data.y_test),
            best_guess=data.best_guess if data.classes else None,
            guessing_loss=evaluation.guessing_loss(plan, data),
            sensitivity=sensitivity(groups, data, [one.trace for one in trainings])
            if self.defines
            else None,
        )
        return Run(header, training.trace)

    def _kept(self, job: Job) -> list[int]:
        """Before which steps the state is kept: for references, or to take these steps again."""
        if not job.reference:
            return []
        if self.defines:
            return judged_steps(job.plan.steps)
        return sorted({step + after for step in judging.taken_again(job.plan) for after in (0, 1)})

    def _judged(
        self, job: Job, program: Program, groups: list[Plan], data: task.Data, kept: list[Kept]
    ) -> list[Check]:
        """Write the references, or compare with them."""
        assert job.reference
        path = Path(job.reference)
        if self.defines:
            found_judges = [
                references.judges(plan, data, run.states)
                for plan, run in zip(groups, kept, strict=True)
            ]
            try:
                references.write(found_judges, path)
            except OSError as error:
                raise NotKept(
                    f"what the frameworks are judged by could not be kept: {path}: {error.strerror}"
                ) from None
            return []
        if not path.exists():
            return [judging.nothing_to_compare_with()]
        found: list[Check] = []
        for plan, judges, run in zip(groups, references.read(path), kept, strict=True):
            found += judging.checks(program, plan, data, judges)
            found += judging.drifts(program, plan, data, run) if judges else []
        return found

    def _program(self, plan: Plan, device: str) -> Program:
        key = (plan.structure(), device)
        if self.compiled is None or self.compiled[0] != key:
            self.compiled = None  # lets go of the last program's memory first
            self.compiled = (key, self.backend.program(plan, device))
        return self.compiled[1]


def _of_all_groups(
    report: Callable[[int], None], done: int, groups: int, each: int, steps: int
) -> None:
    """Report the steps of one group of seeds as those of the whole run."""
    report((done * each + steps) // groups)
