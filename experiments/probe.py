"""A probe: times one backend in a process of its own, for `experiments.bench`.

    python -m experiments.probe BACKEND

It reads one job a line on standard input, a JSON list of a plan and a device, and writes a line for each:

    {"import": seconds, "first": seconds to the first step's quantities, "steps": [seconds of each later step],
     "memory": peak resident bytes of the process so far}

A step is timed from the batch in NumPy to the quantities in NumPy.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time

import backends
from common import draw, task
from common.backend import Backend
from common.plan import Plan


def timed(backend: Backend, plan: Plan, device: str) -> dict[str, object]:
    """Run a plan, and time its first step, with building and compiling, and every later one."""
    batches, start = list(draw.batches(plan, task.load(plan.task))), draw.state(plan)
    seconds = []
    clock = time.perf_counter()
    program = backend.program(plan, device)
    program.load(start)
    for batch in batches:
        program.measured(program.step(batch))
        seconds.append(time.perf_counter() - clock)
        clock = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"first": seconds[0], "steps": seconds[1:], "memory": peak}


def main() -> None:
    """Serve jobs until standard input ends."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a framework prints is no result
    clock = time.perf_counter()
    backend = backends.load(sys.argv[1])
    imports = time.perf_counter() - clock
    for line in sys.stdin:
        plan, device = json.loads(line)
        found = timed(backend, Plan.model_validate(plan), device)
        print(json.dumps({"import": imports, **found}), file=channel, flush=True)


if __name__ == "__main__":
    main()
