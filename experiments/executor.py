"""The executor: who does a lane's jobs.

Processes of this machine, or with `--cluster` those of many (experiments/cluster.py).

The runner knows these two interfaces, and neither processes nor machines.
"""

from __future__ import annotations

import os
import queue
from typing import TYPE_CHECKING, Any, Protocol

from experiments.process import WorkerProcess
from experiments.store import Store

if TYPE_CHECKING:
    from experiments.jobs import Job

Inbox = queue.Queue[Any]
"""Where workers are heard: `(worker, message)`, the messages of experiments/worker.py; `(worker,
None)` when one has ended."""


class Worker(Protocol):
    """Does the jobs of a lane, one after another."""

    @property
    def placed(self) -> bool:
        """Whether it has a machine to run on."""
        ...

    @property
    def lost(self) -> bool:
        """Whether it went with its machine, through no fault of the run in flight."""
        ...

    def send(self, job: dict[str, Any]) -> None:
        """Give it a job; one that is dead already says so through the inbox."""
        ...

    def stop(self) -> None:
        """Let it end."""
        ...

    def kill(self) -> None:
        """End it now."""
        ...

    def close(self) -> None:
        """Let go of what an ended one held."""
        ...

    def reason(self) -> str:
        """Why it ended, in one line."""
        ...


class Executor(Protocol):
    """Starts workers."""

    @property
    def at_once(self) -> int:
        """How many workers there are at most at a time."""
        ...

    def lanes(self, device: str) -> int:
        """Into how many lanes a backend's jobs on a device are divided at least, if enough."""
        ...

    def start(self, first: Job, store: Store, inbox: Inbox) -> Worker:
        """Start a worker for a lane that begins with this job; its runs go into the store."""
        ...

    def where(self, lanes: int) -> str:
        """Where so many lanes are at work, for the progress; nothing where it needs no word."""
        ...


class Processes:
    """Worker processes of this machine, as many at once as it has cores."""

    def __init__(self, threads: int = 1, at_once: int | None = None) -> None:
        self.threads = threads
        self.at_once = at_once or len(os.sched_getaffinity(0))

    def lanes(self, device: str) -> int:
        """One: the import of a framework takes longer than many a run."""
        return 1

    def start(self, first: Job, store: Store, inbox: Inbox) -> WorkerProcess:
        """Start a worker, which knows whether another may run beside it."""
        return WorkerProcess(first.backend, store, self.threads, self.at_once == 1, inbox)

    def where(self, lanes: int) -> str:
        """Nothing: it is here."""
        return ""
