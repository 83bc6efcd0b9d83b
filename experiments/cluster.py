"""A Ray cluster as the executor (`--cluster`).

A lane is an actor on a node, with a worker process beside it.

Ray places the actors (experiments/relay.py) on the nodes that can do a lane, and tells when one is
gone. What comes back is checked and kept in the one store.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import threading
from collections.abc import Coroutine
from concurrent import futures
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.executor import Inbox
from experiments.nodes import Nodes
from experiments.ray_nodes import LOOK_SECONDS, alive, only_on, told
from experiments.relay import Message, Relay, digest
from experiments.seal import reason
from experiments.store import NotKept, Store
from experiments.whole import write_whole
from experiments.worker import reason_of

if TYPE_CHECKING:
    from experiments.jobs import Job

END_SECONDS = 5
"""How long a relay may take to clear its node's disk."""

HEARD_A_SECOND = 50
"""How many messages of progress the command takes from all lanes together."""


class Cluster:
    """The executor on a cluster's nodes: those that there were when the command began."""

    threads = 1

    def __init__(self, ray: Any, nodes: Nodes) -> None:
        self.ray = ray
        self.nodes = nodes
        self.alive = {node.id for node in nodes}
        self.workers: set[ClusterWorker] = set()
        self.burials: set[futures.Future[None]] = set()
        self.data: dict[str, Any] = {}
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.soon(self._look())

    @property
    def at_once(self) -> int:
        """As many workers as all nodes have processors."""
        return self.nodes.cpus

    def lanes(self, device: str) -> int:
        """As many as there are processors, or devices."""
        return self.at_once if device.startswith("cpu") else max(1, self.nodes.gpus)

    def where(self, lanes: int) -> str:
        """How many nodes there still are, and lanes on them."""
        return f"{_count(len(self.alive), 'node')}, {_count(lanes, 'lane')}"

    def start(self, first: Job, store: Store, inbox: Inbox) -> ClusterWorker:
        """Ask Ray for an actor on a node that can do the lane."""
        worker = ClusterWorker(self, first, store, inbox)
        self.workers.add(worker)
        return worker

    def fetch(self, task: dict[str, Any]) -> Any:
        """What a node calls for a task's data file: Ray brings its bytes, once to a node."""
        key = task["sha256"]
        if key and key not in self.data:
            self.data[key] = self.ray.put(Path(task["source"]).read_bytes())
        return partial(_fetched, [self.data.get(key)])

    def soon(self, what: Coroutine[Any, Any, None]) -> futures.Future[None]:
        """Have something done in the thread that listens to the actors."""
        return asyncio.run_coroutine_threadsafe(what, self.loop)

    async def _look(self) -> None:
        """See which nodes there still are, and give up what waits for others."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            living = alive(self.ray)
            self.alive &= living
            for worker in [
                worker
                for worker in self.workers
                if not worker.placed and not living.intersection(worker.able)
            ]:
                worker.abandon()

    def close(self) -> None:
        """End what is left, wait until the nodes' disks are cleared, and let go of the thread."""
        for worker in list(self.workers):
            worker.kill()
        futures.wait(self.burials, 2 * END_SECONDS)
        self.soon(_all_others_cancelled()).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class ClusterWorker:
    """A lane's actor, seen from the command; its messages are heard in the cluster's thread."""

    def __init__(self, cluster: Cluster, first: Job, store: Store, inbox: Inbox) -> None:
        self.cluster = cluster
        self.store = store
        self.inbox = inbox
        self.able = cluster.nodes.able(first.backend, first.device, first.processor)
        self.what = f"{first.backend} on {first.device} ({first.processor})"
        self.placed = self.lost = False
        self.why = ""
        self.job: Message = {}
        asked = {
            "num_cpus": cluster.threads,
            "num_gpus": int(first.device.startswith("gpu")),
            "max_concurrency": 4,
        }
        relay = cluster.ray.remote(Relay).options(**asked, **only_on(self.able))
        seconds = cluster.at_once / HEARD_A_SECOND
        self.actor = relay.remote(first.backend, cluster.threads, seconds)
        cluster.soon(self._listen())

    async def _listen(self) -> None:
        try:
            async for said in self.actor.messages.options(num_returns="streaming").remote():
                self.placed = True
                # many runs wait for the disk at once
                await asyncio.to_thread(self._take, await said)
        except Exception as error:
            self.lost = True
            self.why = self.why or self._why(error)
        self.inbox.put((self, None))

    def _why(self, error: Exception) -> str:
        if type(error).__name__ == "ActorUnschedulableError":
            return self._nowhere()
        return f"its node or its actor is gone ({told(error)})"

    def _nowhere(self) -> str:
        return f"no node is left for {self.what}"

    def _take(self, message: Message) -> None:
        """Keep what came with a message, and pass it on."""
        match message["type"]:
            case "ended":
                self.why = message["reason"]
                return
            case "finished":
                try:
                    keep(message, self.job, self.store)
                except NotKept as error:
                    message = _failure(error)
            case "failed" if message["traceback"]:
                with contextlib.suppress(OSError):  # the reason is in the report
                    self.store.error_path(self.job["run_id"]).write_bytes(message["traceback"])
        self.inbox.put((self, message))

    def send(self, job: Message) -> None:
        """Give it a job, with the bytes that its node needs for it."""
        self.job = job
        path = Path(job["reference"]) if job["reference"] else None
        try:
            references = path.read_bytes() if path and path.exists() else None
            self.actor.send.remote(job, references, self.cluster.fetch(job["plan"]["task"]))
        except OSError as error:
            self.inbox.put((self, _failure(error)))

    def stop(self) -> None:
        """Let it end."""
        self.actor.stop.remote()

    def abandon(self) -> None:
        """There is no node that it could start on."""
        self.why = self._nowhere()
        self.kill()

    def kill(self) -> None:
        """End it now, and clear its node's disk; its actor goes, and gives its processor back."""
        if self in self.cluster.workers:
            self.cluster.workers.remove(self)
            self.cluster.burials.add(self.cluster.soon(self._bury()))

    close = kill

    async def _bury(self) -> None:
        if self.placed and not self.lost:
            with contextlib.suppress(self.cluster.ray.exceptions.RayError, TimeoutError):
                await asyncio.wait_for(_answer(self.actor.end.remote()), END_SECONDS)
        self.cluster.ray.kill(self.actor)

    def reason(self) -> str:
        """Why it ended, in one line."""
        return self.why


def keep(message: Message, job: Message, store: Store) -> None:
    """Put a run that came into the store, and its references where the runner looks for them.

    Raises:
        NotKept: The bytes are not those that were sent, or they cannot be written.
    """
    if digest(message["run"], message["references"]) != message["sha256"]:
        raise NotKept(
            "the run's bytes are not those that the node sent; the same command runs it again"
        )
    try:
        if message["references"] is not None:
            # nobody reads them before this run has ended
            Path(job["reference"]).write_bytes(message["references"])
        write_whole(store.path(job["run_id"]), message["run"])
        store.error_path(job["run_id"]).unlink(missing_ok=True)
    except OSError as error:
        raise NotKept(f"could not be kept: {reason(error)}") from None


async def _all_others_cancelled() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _answer(ref: Any) -> None:
    await ref


def _failure(error: Exception) -> Message:
    return {"type": "failed", "kind": "crashed", "reason": reason_of(error)}


def _fetched(held: list[Any]) -> bytes:
    return importlib.import_module("ray").get(held[0])


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
