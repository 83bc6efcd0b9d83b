"""A probe: times one backend in a process of its own, for `experiments.bench`.

    python -m experiments.probe BACKEND

It reads one job a line on standard input, a JSON list of a plan, a device and whether to measure,
and writes a line for each:

    {"import": seconds, "first_step": seconds to the first step's quantities,
     "steps": [seconds of each later step of all seeds],
     "memory": peak resident bytes of the process so far}

A step is timed from the batch in NumPy to the quantities in NumPy. Seeds go in the groups that a
run would make of them.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time

import backends
from common import draw, task
from common.backend import Backend
from common.plan import Plan


def timed(backend: Backend, plan: Plan, device: str, measure: bool) -> dict[str, object]:
    """Run a plan, and time its first step, with building and compiling, and every later one."""
    data = task.load(plan.task)
    groups = plan.groups()
    first = 0.0
    steps = [0.0] * plan.steps
    clock = time.perf_counter()
    program = backend.program(groups[0], device, measure)
    build = time.perf_counter() - clock
    for group in groups:
        batches = list(draw.batches(group, data))
        start = draw.state(group)
        clock = time.perf_counter()
        program.load(start, group)
        for i, batch in enumerate(batches):
            program.measured(program.step(batch))
            steps[i] += time.perf_counter() - clock
            first = first or steps[0]
            clock = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"first_step": build + first, "steps": steps[1:], "memory": peak}


def main() -> None:
    """Serve jobs until standard input ends."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a framework prints is no result
    clock = time.perf_counter()
    backend = backends.load(sys.argv[1])
    imports = time.perf_counter() - clock
    gc.freeze()  # as a worker does; else a round of the garbage collector is timed for a step
    for line in sys.stdin:
        plan, device, measure = json.loads(line)
        found = timed(backend, Plan.model_validate(plan), device, measure)
        print(json.dumps({"import": imports, **found}), file=channel, flush=True)


if __name__ == "__main__":
    main()
