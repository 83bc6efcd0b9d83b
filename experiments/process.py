"""A worker process, seen from the side that starts it."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from backends import ENVIRONMENT
from experiments import children
from experiments.store import Store
from experiments.versions import ROOT

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "POLARS_MAX_THREADS",
    "NPROC",  # XLA's pool of threads in JAX; its flags do not bound it
)
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "MALLOC_ARENA_MAX": "1",
}
"""glibc keeps what is freed: arrays of megabytes, freed and fetched again page by page, cost a
fifth of a step.

It does so in its main arena only; to other threads, in one of which JAX runs a step, it gives
arenas of their own.
"""

KEEP_COMPILED = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
"""A step takes less than the second below which JAX would compile it again in every process."""

ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"
SOON_COMPILED = (
    "--xla_cpu_use_fusion_emitters=false --xla_backend_extra_options=xla_cpu_disable_loop_unrolling"
)
"""On the processor, XLA compiles a step in half the time, and the step takes no longer
(docs/adr/0005)."""


def environment(threads: int) -> dict[str, str]:
    """A worker's environment.

    The number of threads is ours to set, the rest is the user's where the user has set it.
    """
    ours = (
        ENVIRONMENT | KEEP_MEMORY | {"JAX_COMPILATION_CACHE_DIR": str(compiled()), **KEEP_COMPILED}
    )
    env = ours | dict(os.environ) | {name: str(threads) for name in THREAD_VARIABLES}
    env["XLA_FLAGS"] = xla_flags(threads)
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return env


def xla_flags(threads: int) -> str:
    """Our flags for XLA, then the user's, which win.

    Each begins with two hyphens: from a word that does not, XLA reads no further, and says nothing.
    """
    ours = " ".join([ONE_THREAD, SOON_COMPILED] if threads == 1 else [SOON_COMPILED])
    theirs = os.environ.get("XLA_FLAGS", "")
    # a worker has ours already
    return theirs if theirs.startswith(ours) else f"{ours} {theirs}".strip()


def compiled() -> Path:
    """Where JAX keeps what it compiled for the next process.

    The user's cache, by machine, since it is machine code.
    """
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "isograd" / (platform.node() or "machine") / "jax"


class WorkerProcess:
    """A running worker.

    What it says arrives in a queue as `(worker, message)`, and `(worker, None)` when it has ended.
    """

    placed, lost = True, False
    """Its machine is this one: it has it at once, and what ends it is its run."""

    def __init__(
        self, backend: str, store: Store, threads: int, exclusive: bool, inbox: queue.Queue[Any]
    ) -> None:
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the worker
        arguments = [
            backend,
            str(store.directory.resolve()),
            str(threads),
            "exclusive" if exclusive else "shared",
        ]
        command = [sys.executable, "-P", "-m", "experiments.worker", *arguments]
        self.process = children.start(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            env=environment(threads),
            encoding="utf-8",
        )
        threading.Thread(target=self._listen, args=(inbox,), daemon=True).start()

    def _listen(self, inbox: queue.Queue[Any]) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            inbox.put((self, json.loads(line)))
        self.process.stdout.close()
        self.process.wait()
        children.ended(self.process)
        inbox.put((self, None))

    def send(self, job: dict[str, Any]) -> None:
        """Give it a job; a worker that is dead already says so through the queue."""
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(job), file=self.process.stdin, flush=True)

    def stop(self) -> None:
        """Let it end."""
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def kill(self) -> None:
        """End it now."""
        children.kill(self.process)
        self.close()

    def close(self) -> None:
        """Let go of an ended worker's files."""
        self.stop()
        self.stderr.close()

    def reason(self) -> str:
        """Why it ended, in one line: the signal or exit status, and the last that it printed."""
        status = self.process.returncode
        self.stderr.seek(0)
        lines = [
            line.strip()
            for line in self.stderr.read().decode(errors="replace").splitlines()
            if line.strip()
        ]
        if status == -signal.SIGKILL:
            return "the worker was killed by SIGKILL (out of memory?)"
        cause = f"by {signal.Signals(-status).name}" if status < 0 else f"with exit status {status}"
        return f"the worker ended {cause}" + (f": {lines[-1][:300]}" if lines else "")
