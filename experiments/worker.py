"""A worker: one process, one backend, one run after another.

    python -m experiments.worker BACKEND DIRECTORY THREADS exclusive|shared

It reads one job a line on standard input and writes one message a line on standard output, both JSON:

    -> {"run_id": ..., "plan": {...}, "device": "cpu"}
    <- {"type": "ready"}                           the framework is imported
    <- {"type": "progress", "steps": 10}           steps done of the run
    <- {"type": "finished"}                        the run is in the store
    <- {"type": "broken", "reason": ...}           the framework cannot be imported; the worker ends
    <- {"type": "failed", "kind": "crashed" | "unsupported", "reason": ...}

It ends when its input does, at once: so it never outlives the process that started it.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import numpy as np

import backends
from common import agreement, draw, task
from common.backend import Backend, Program, Training, side_by_side, train
from common.errors import Unsupported, UserError
from common.network import Batch, Gradients, State
from common.plan import Plan
from common.trace import Check, Header, Seconds
from experiments.store import Run, Store
from experiments.versions import versions

PROGRESS_SECONDS = 0.1
"""The shortest time between two messages of progress."""


class Worker:
    """What stays between runs: the backend, and the program compiled last."""

    def __init__(self, backend: Backend, threads: int, imports: float, exclusive: bool = False) -> None:
        self.backend, self.threads, self.imports, self.exclusive = backend, threads, imports, exclusive
        self.definition = backends.load("numpy")
        self.compiled: tuple[Any, Program] | None = None

    def run(self, run_id: str, plan: Plan, device: str, report: Any = None) -> Run:
        """Train a plan and measure it.

        Raises:
            Unsupported: The backend does not have the device.
        """
        data, groups = task.load(plan.task), plan.groups()
        program = self._program(groups[0], device)
        traces, trainings, found = program.traces, [], []
        for i, group in enumerate(groups):
            program.load(draw.state(group), group)
            done = partial(_of_all_groups, report, i, len(groups), plan.steps) if report else None
            trainings.append(train(program, group, draw.batches(group, data), done))
            found += accuracy(program, data, len(group.seeds))
        training = side_by_side(trainings)
        checks = [] if plan.perturbed else self._compare(plan, data, training)
        header = Header(
            backend=self.backend.name,
            plan=plan,
            run_id=run_id,
            versions=versions(self.backend.name),
            device=device if ":" in device else f"{device}:0",
            threads=self.threads,
            seconds=Seconds(imports=self.imports, first_step=training.first_step, steps=training.steps),
            seeds_at_once=len(groups[0].seeds),
            traces=program.traces - traces,
            exclusive=self.exclusive,
            checks=checks,
            accuracy=found,
            guessing=data.guessing,
            test_samples=len(data.y_test),
            best_guess=data.best_guess,
            guessing_loss=data.guessing_loss,
        )
        return Run(header, training.trace)

    def _program(self, plan: Plan, device: str) -> Program:
        key = (plan.structure(), device)
        if self.compiled is None or self.compiled[0] != key:
            self.compiled = None  # lets go of the last program's memory first
            self.compiled = (key, self.backend.program(plan, device))
        return self.compiled[1]

    def _compare(self, plan: Plan, data: task.Data, training: Training) -> list[Check]:
        program = self.definition.program(plan, "cpu", measure=False)
        start, batch = draw.state(plan), next(draw.batches(plan, data))
        expected = _gradients(program, start, batch)
        moved = [_gradients(program, state, batch) for state in agreement.neighbours(start, plan)]
        error = agreement.gradient_error(training.first_gradients, expected, plan.precision)
        bound = agreement.tolerance(plan, expected, moved)
        outcome = "agrees" if error <= bound else "broken"
        return [Check(step=0, outcome=outcome, reason=None, error=error, bound=bound, where="gradient")]


def _of_all_groups(report: Callable[[int], None], done: int, groups: int, each: int, steps: int) -> None:
    """Report the steps of one group of seeds as those of the whole run."""
    report((done * each + steps) // groups)


def _gradients(program: Program, state: State, batch: Batch) -> Gradients:
    program.load(state)
    program.step(batch)
    return program.gradients()


def accuracy(program: Program, data: task.Data, seeds: int) -> list[float]:
    """The share of test samples whose class is found, in evaluation mode, one number a seed."""
    logits = program.predict(np.broadcast_to(data.x_test, (seeds, *data.x_test.shape)))
    return [float(share) for share in (logits.argmax(-1) == data.y_test).mean(1)]


def reason_of(error: BaseException) -> str:
    """An error as one line: its type and its message; a message for users stands by itself."""
    message = " ".join(str(error).split())
    message = message if len(message) <= 300 else f"{message[:300]}..."
    return message if isinstance(error, UserError) else f"{type(error).__name__}: {message}"


def _serve(worker: Worker, store: Store, jobs: queue.Queue[str], send: Any) -> None:
    while True:
        job = json.loads(jobs.get())
        last = 0.0

        def report(steps: int) -> None:
            nonlocal last
            if time.monotonic() - last > PROGRESS_SECONDS:
                last = time.monotonic()
                send(type="progress", steps=steps)

        try:
            store.save(worker.run(job["run_id"], Plan.model_validate(job["plan"]), job["device"], report))
        except Exception as error:
            store.error_path(job["run_id"]).write_text(traceback.format_exc(), encoding="utf-8")
            kind = "unsupported" if isinstance(error, Unsupported) else "crashed"
            send(type="failed", kind=kind, reason=reason_of(error))
        else:
            send(type="finished")


def _read(jobs: queue.Queue[str]) -> None:
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)  # at once: whoever waited for a run is gone, or has all that it wanted


def _sender(channel: TextIO) -> Any:
    def send(**message: Any) -> None:
        try:
            print(json.dumps(message), file=channel, flush=True)
        except BrokenPipeError:
            os._exit(1)

    return send


def main() -> None:
    """Serve jobs until standard input ends."""
    name, directory, threads, exclusive = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "exclusive"
    send = _sender(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # what a framework prints is noise and not a message
    jobs: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(jobs,), daemon=True).start()
    clock = time.perf_counter()
    try:
        backend = backends.load(name)
        worker = Worker(backend, threads, time.perf_counter() - clock, exclusive)
    except Exception as error:
        traceback.print_exc()
        send(type="broken", reason=reason_of(error))
        os._exit(1)
    gc.freeze()  # what was imported stays: the garbage collector need not walk through it at each of its rounds
    send(type="ready")
    _serve(worker, Store(directory), jobs, send)


if __name__ == "__main__":
    main()
