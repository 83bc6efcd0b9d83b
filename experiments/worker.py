"""A worker: one process, one backend, one run after another.

    python -m experiments.worker BACKEND DIRECTORY THREADS exclusive|shared

It reads one job a line on standard input and writes one message a line on standard output, both
JSON:

    -> {"run_id": ..., "plan": {...}, "device": "cpu", "reference": path or null,
        "data": path or null, "fresh": false, "wait": false}
    <- {"type": "ready"}                    the framework is imported
    <- {"type": "progress", "steps": 10}    steps done of the run
    <- {"type": "finished"}                 the run is in the store
    <- {"type": "busy"}                     another command is doing it; not said to who waits
    <- {"type": "broken", "reason": ...}    the framework cannot be imported; the worker ends
    <- {"type": "failed", "kind": "crashed" | "unsupported", "reason": ...}

It ends when its input does, at once: so it never outlives the process that started it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import backends
from common.errors import Unsupported, UserError
from experiments.store import NotKept, Store
from experiments.working import Job, Worker

PROGRESS_SECONDS = 0.1
"""The shortest time between two messages of progress."""


def reason_of(error: BaseException) -> str:
    """An error as one line: its type and its message; a message for users stands by itself."""
    message = " ".join(str(error).split())
    message = message if len(message) <= 300 else f"{message[:300]}..."
    return message if isinstance(error, UserError) else f"{type(error).__name__}: {message}"


def settle(worker: Worker, store: Store, job: Job, report: Callable[[int], None]) -> str:
    """See to it that the store has a run.

    `finished`, or `busy` where another command is doing it and nobody is to wait.

    The definition's run is done here in any case where its references are wanted: they are this
    command's.

    Raises:
        NotKept: It cannot be written.
    """
    own = job.fresh or bool(job.reference and worker.defines)
    with store.alone(job.run_id, wait=job.wait and not own) as free:
        if not own and not free:
            return "busy"
        if own or not store.has(job.run_id):
            store.save(worker.run(job, report))
    return "finished"


def _serve(worker: Worker, store: Store, jobs: queue.Queue[str], send: Any) -> None:
    while True:
        asked = json.loads(jobs.get())
        last = 0.0

        def report(steps: int) -> None:
            nonlocal last
            if time.monotonic() - last > PROGRESS_SECONDS:
                last = time.monotonic()
                send(type="progress", steps=steps)

        try:
            send(type=settle(worker, store, Job.model_validate(asked), report))
        except Exception as error:
            kind = "unsupported" if isinstance(error, Unsupported) else "crashed"
            if not isinstance(error, NotKept):
                _keep_traceback(store.error_path(asked["run_id"]))
            send(type="failed", kind=kind, reason=reason_of(error))


def _keep_traceback(path: Path) -> None:
    with contextlib.suppress(OSError):  # the reason is in the report
        path.write_text(traceback.format_exc(), encoding="utf-8")


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
    name = sys.argv[1]
    directory = Path(sys.argv[2])
    threads = int(sys.argv[3])
    exclusive = sys.argv[4] == "exclusive"
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
    # what was imported stays: the garbage collector need not walk through it at each of its rounds
    gc.freeze()
    send(type="ready")
    _serve(worker, Store(directory), jobs, send)


if __name__ == "__main__":
    main()
