"""A Ray cluster as the executor (`--cluster`): a lane is an actor on a node, with a worker process beside it.

Ray brings the sources to the nodes, places the actors (experiments/relay.py) and tells when one is gone. Here is said which
nodes can do a lane, by what is installed on them, and what comes back is checked and kept in the one store.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import io
import os
import re
import shutil
import socket
import sys
import threading
import time
from collections.abc import Collection, Coroutine, Iterator
from concurrent import futures
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from common.errors import UserError, install_command
from experiments import ending
from experiments.executor import Inbox
from experiments.nodes import Node, Nodes
from experiments.relay import Message, Relay, digest, installed
from experiments.seal import reason
from experiments.store import NotKept, Store
from experiments.versions import ROOT
from experiments.whole import write_whole
from experiments.worker import reason_of

if TYPE_CHECKING:
    from experiments.jobs import Job

SOURCES = ("backends", "common", "experiments")
"""What a node needs of this project."""

ADDRESS_FILE = "ray_current_cluster"
"""Where `ray start` leaves the address of this machine's cluster, in Ray's folder."""

PREFACE, SETTINGS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]), b"\x04"
"""How a client of HTTP/2, and so of gRPC, begins, and the kind of frame that its server begins with (RFC 9113, 3.4)."""

GREETING_SECONDS = 5

PROBE_SECONDS = 120
"""How long a node may take to say what is installed on it."""

LOOK_SECONDS = 5
"""How often is looked which nodes there still are."""

GONE = {"NodeDiedError", "TaskUnschedulableError", "WorkerCrashedError"}
"""What Ray raises where a node went."""

END_SECONDS = 5
"""How long a relay may take to clear its node's disk."""

HEARD_A_SECOND = 50
"""How many messages of progress the command takes from all lanes together."""

ON_NODES = {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""A lane that asks for no GPU keeps the environment that it has on its node."""


@contextlib.contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """The cluster at an address, `auto` or HOST:PORT, while the command uses it.

    Raises:
        UserError: Ray is not installed, nothing answers there, or a node cannot run this project.
    """
    try:
        ray = importlib.import_module("ray")
    except ImportError:
        raise UserError(f"--cluster needs ray; install with: {install_command('ray')}") from None
    found = answering(address)
    with contextlib.redirect_stdout(io.StringIO()):  # Ray prints what it hears of nodes; our standard output is for results
        try:
            _start(ray, found)
            cluster = Cluster(ray, _nodes(ray))
            try:
                with ending.tidied(cluster.close):  # a signal leaves the nodes' disks clear too
                    yield cluster
            finally:
                cluster.close()
        finally:
            ray.shutdown()


def answering(address: str) -> str:
    """The address, as HOST:PORT, of a cluster that answers.

    Raises:
        UserError: It is none, or nothing answers there.
    """
    rule = "--cluster must be auto or the HOST:PORT of a running Ray cluster; received"
    if address.startswith("ray://"):
        raise UserError(f"{rule} {address}; run the command on a node of the cluster, with --cluster auto")
    found = _of_this_machine() if address == "auto" else address
    if address == "auto" and not found:
        raise UserError(f"{rule} auto, but none runs on this machine; start one with: ray start --head")
    if not (parts := re.fullmatch(r"\[?([^\s/]+?)\]?:(\d{1,5})", found)) or int(parts[2]) > 65535:
        raise UserError(f"{rule} {found!r}; `ray start --head` prints the address")
    try:
        greeted = _greeting(parts[1], int(parts[2]))
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{rule} {found}, where nothing answers ({reason}); start one with: ray start --head") from None
    if greeted[3:4] != SETTINGS:
        raise UserError(f"{rule} {found}, where something else answers; `ray start --head` prints the address")
    return found


def _greeting(host: str, port: int) -> bytes:
    """What a server says first to one who speaks HTTP/2: Ray, asked at another's port, would wait for minutes."""
    with socket.create_connection((host, port), timeout=GREETING_SECONDS) as line:
        line.sendall(PREFACE)
        return line.recv(9)


def _of_this_machine() -> str:
    file = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", ADDRESS_FILE)
    return os.environ.get("RAY_ADDRESS") or (file.read_text(encoding="utf-8").strip() if file.exists() else "")


def _start(ray: Any, address: str) -> None:
    with TemporaryDirectory(prefix="isograd-") as folder:
        for name in SOURCES:
            shutil.copytree(ROOT / name, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__"))
        environment = {"working_dir": folder, "env_vars": ON_NODES}
        try:
            ray.init(address=address, runtime_env=environment, log_to_driver=False, logging_level="ERROR")
        except Exception as error:
            raise UserError(f"--cluster: Ray at {address} refuses: {told(error)}; run this on one of its nodes") from None


def _nodes(ray: Any) -> Nodes:
    """The nodes that have a processor to give, each with what is installed there; the silent are left out, and named."""
    probe = ray.remote(installed)
    with_cpus = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    asked = {probe.options(num_cpus=0, max_retries=0, **_on([node["NodeID"]])).remote(): node for node in with_cpus}
    found = [node for answer in _answers(ray, asked) if (node := _node(ray, answer, asked[answer]))]
    for silent in sorted(node["NodeName"] for node in with_cpus if node["NodeID"] not in {each.id for each in found}):
        print(f"left out: the node {silent} does not answer", file=sys.stderr)
    if not found:
        raise UserError("--cluster must have a node that gives processors away and answers; received none; see: ray status")
    return Nodes(sorted(found, key=lambda node: (node.name, node.id)))


def _answers(ray: Any, asked: dict[Any, dict[str, Any]]) -> Iterator[Any]:
    """The answers as they come; a node that goes meanwhile is not waited for."""
    waiting, until = list(asked), time.monotonic() + PROBE_SECONDS
    while waiting and time.monotonic() < until:
        answered, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=LOOK_SECONDS)
        yield from answered
        alive = _alive(ray)
        waiting = [answer for answer in waiting if asked[answer]["NodeID"] in alive]


def _alive(ray: Any) -> set[str]:
    return {node["NodeID"] for node in ray.nodes() if node["Alive"]}


def _node(ray: Any, answer: Any, node: dict[str, Any]) -> Node | None:
    """A node by its answer; None where it went before it gave one."""
    resources = node["Resources"]
    try:
        versions = ray.get(answer)
    except Exception as error:
        if type(error).__name__ in GONE:
            return None
        cure = f"in its project folder: {install_command('ray')}"
        raise UserError(f"--cluster: the node {node['NodeName']} cannot run this: {told(error)}; {cure}") from None
    return Node(node["NodeID"], node["NodeManagerHostname"], int(resources["CPU"]), int(resources.get("GPU", 0)), versions)


def _on(ids: Collection[str]) -> dict[str, Any]:
    """The option of an actor or a task that is for these nodes only."""
    return {"label_selector": {"ray.io/node-id": f"in({','.join(sorted(ids))})"}}


def told(error: BaseException) -> str:
    """What went wrong, without Ray's account of it: the end of a traceback from a node, else the first sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    if "Traceback" in str(error) or "File " in str(error):
        return lines[-1][:100]
    return type(error).__name__ if type(error).__module__.startswith("ray.") else lines[0][:100]


class Cluster:
    """The executor on a cluster's nodes: those that there were when the command began."""

    threads = 1

    def __init__(self, ray: Any, nodes: Nodes) -> None:
        self.ray, self.nodes = ray, nodes
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
            alive = _alive(self.ray)
            self.alive &= alive
            for worker in [worker for worker in self.workers if not worker.placed and not alive.intersection(worker.able)]:
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
        self.cluster, self.store, self.inbox = cluster, store, inbox
        self.able = cluster.nodes.able(first.backend, first.device, first.processor)
        self.what = f"{first.backend} on {first.device} ({first.processor})"
        self.placed = self.lost = False
        self.why = ""
        self.job: Message = {}
        asked = {"num_cpus": cluster.threads, "num_gpus": int(first.device.startswith("gpu")), "max_concurrency": 4}
        relay = cluster.ray.remote(Relay).options(**asked, **_on(self.able))
        seconds = cluster.at_once / HEARD_A_SECOND
        self.actor = relay.remote(first.backend, cluster.threads, seconds)
        cluster.soon(self._listen())

    async def _listen(self) -> None:
        try:
            async for said in self.actor.messages.options(num_returns="streaming").remote():
                self.placed = True
                await asyncio.to_thread(self._take, await said)  # many runs wait for the disk at once
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
    """Put a run that came into the store, and the references that it leaves where the runner looks for them.

    Raises:
        NotKept: The bytes are not those that were sent, or they cannot be written.
    """
    if digest(message["run"], message["references"]) != message["sha256"]:
        raise NotKept("the run's bytes are not those that the node sent; the same command runs it again")
    try:
        if message["references"] is not None:
            Path(job["reference"]).write_bytes(message["references"])  # nobody reads them before this run has ended
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
