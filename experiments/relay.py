"""A relay: on a node of a cluster, what stands between a worker process there and the command.

See experiments/cluster.py.

The nodes share no disk. A job comes with the bytes that it needs, the references of its plan and
its data file; what goes back is the bytes of the run with their digest, and of the definition's
runs also the references that they leave.
"""

from __future__ import annotations

import hashlib
import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from backends import NEEDS, missing
from experiments.process import WorkerProcess
from experiments.store import Store
from experiments.versions import versions

Message = dict[str, Any]


def installed() -> dict[str, dict[str, str]]:
    """What enters a run id here, by each backend that is installed."""
    return {name: versions(name) for name in NEEDS if not missing(name)}


def digest(content: bytes, more: bytes | None = None) -> str:
    """The SHA-256 of some bytes, and of more that belong to them."""
    return hashlib.sha256(content + (more or b"")).hexdigest()


class Relay:
    """A worker process and its folder, which goes with it."""

    def __init__(self, backend: str, threads: int, seconds: float) -> None:
        """Start the worker.

        Args:
            backend: Whose worker.
            threads: How many it has.
            seconds: The shortest time between two messages of progress: the command hears thousands
                of lanes.
        """
        self.folder = TemporaryDirectory(prefix="isograd-", ignore_cleanup_errors=True)
        self.store = Store(self._here("runs"))
        self.seconds = seconds
        self.run_id = ""
        self.said: queue.Queue[Any] = queue.Queue()
        self.worker = WorkerProcess(backend, self.store, threads, False, self.said)

    def send(self, job: Message, references: bytes | None, data: Callable[[], bytes]) -> None:
        """Give the worker a job.

        Args:
            job: As in experiments/worker.py; its reference is the path on the command's machine.
            references: What the run is judged by; None where there is nothing, or where it is this
                run that leaves them.
            data: Fetches the plan's data file, which is asked for where it is not here yet.
        """
        self.run_id = job["run_id"]
        try:
            here = {"reference": str(self._reference(references)) if job["reference"] else None}
            self.worker.send(job | here | {"data": self._data(job["plan"]["task"], data)})
        except (OSError, ValueError) as error:
            self.said.put(
                (
                    self.worker,
                    {
                        "type": "failed",
                        "kind": "crashed",
                        "reason": f"{type(error).__name__}: {error}",
                    },
                )
            )

    def messages(self) -> Iterator[Message]:
        """What the worker says, with what belongs to it, until it has ended."""
        heard = 0.0
        while message := self.said.get()[1]:
            match message["type"]:
                case "progress":
                    if time.monotonic() - heard < self.seconds:
                        continue
                    heard = time.monotonic()
                    yield message
                case "finished":
                    yield message | self._run()
                case "failed":
                    yield message | {"traceback": self._taken(self.store.error_path(self.run_id))}
                case _:
                    yield message
        yield {"type": "ended", "reason": self.worker.reason()}

    def stop(self) -> None:
        """Let the worker end."""
        self.worker.stop()

    def end(self) -> None:
        """End the worker now, and leave nothing behind."""
        self.worker.kill()
        self.folder.cleanup()

    def _here(self, name: str) -> Path:
        return Path(self.folder.name, name)

    def _reference(self, references: bytes | None) -> Path:
        path = self._here("references.safetensors")
        path.unlink(missing_ok=True)
        if references is not None:
            path.write_bytes(references)
        return path

    def _data(self, task: Message, fetch: Callable[[], bytes]) -> str | None:
        if not task["sha256"]:
            return None
        path = self._here(f"{task['sha256']}.npz")
        if not path.exists():
            content = fetch()
            if digest(content) != task["sha256"]:
                raise ValueError(
                    f"{task['source']} is another file than when the command began; start it again"
                )
            path.write_bytes(content)
        return str(path)

    def _run(self) -> Message:
        run = self._taken(self.store.path(self.run_id))
        references = self._taken(self._here("references.safetensors"))
        assert run is not None
        return {"run": run, "references": references, "sha256": digest(run, references)}

    def _taken(self, path: Path) -> bytes | None:
        """The bytes of a file, which goes; None where there is none."""
        if not path.exists():
            return None
        content = path.read_bytes()
        path.unlink()
        return content
