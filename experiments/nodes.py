"""The nodes of a cluster: what is installed on each, and which of them can do a lane.

A run id has the name of a processor. It is that of the nodes to which the run's lane is bound: all
runs of a plan go to processors of one name, where these have the backend, so that what is compared
is what one machine would give.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from backends import DEFINITION, NEEDS, install_command
from common.errors import UserError
from common.plan import Plan


class Node(NamedTuple):
    """A machine of the cluster.

    Attributes:
        id: Ray's.
        name: Of the host.
        cpus: Whole ones that Ray gives away.
        gpus: The same.
        versions: What enters a run id there, by each backend that is installed.
    """

    id: str
    name: str
    cpus: int
    gpus: int
    versions: dict[str, dict[str, str]]

    @property
    def processor(self) -> str:
        """Its name."""
        return self.versions[DEFINITION]["processor"]


class Nodes(tuple[Node, ...]):
    """Those that there were when the command began."""

    @property
    def cpus(self) -> int:
        """How many processors all have to give."""
        return sum(node.cpus for node in self)

    @property
    def gpus(self) -> int:
        """How many GPUs."""
        return sum(node.gpus for node in self)

    def missing(self, backend: str) -> list[str]:
        """The packages that a backend needs, where no node has them."""
        return [] if any(backend in node.versions for node in self) else list(NEEDS[backend])

    def check(self, device: str, backends: Collection[str]) -> None:
        """Refuse what the nodes cannot do.

        Raises:
            UserError: The device is on no node with the backend, or the nodes differ in what else
                moves a number.
        """
        kind = device.partition(":")[0]
        if kind == "tpu" or ":" in device:
            raise UserError(
                "--device must be cpu or gpu with --cluster, Ray chooses which; received "
                f"{device!r}"
            )
        for name in backends:
            self._check_alike(name)
            if kind == "gpu" and name != DEFINITION and not self.able(name, device):
                raise UserError(
                    f"--device: no node with {name} has a gpu to give; leave it out, or see: ray "
                    "status"
                )

    def _check_alike(self, backend: str) -> None:
        """One experiment has one version of everything; only processors may differ."""
        having = [node for node in self if backend in node.versions]
        for key in sorted(having[0].versions[backend].keys() - {"processor"}):
            by_value = {node.versions[backend][key]: node.name for node in having}
            if len(by_value) > 1:
                those = " and ".join(
                    f"{value} on {name}" for value, name in list(by_value.items())[:2]
                )
                cure = (
                    "start Ray with the same variables"
                    if key == "environment"
                    else install_command(backend)
                )
                rule = f"the nodes must have the same {key} for {backend}"
                raise UserError(f"--cluster: {rule}; received {those}; on each: {cure}")

    def versions(self, backend: str, plan: Plan, device: str) -> dict[str, str]:
        """What enters the run id of a plan on a backend and a device.

        Its processor is the one that the plan is for.

        Each plan draws a processor by its digest, in proportion to how many there are (rendezvous
        hashing): the same in every command, and where one kind of processor goes, only the plans
        that it had move.
        """
        cpus: Counter[str] = Counter()
        for node in self:
            cpus[node.processor] += node.cpus
        key = plan.run_id("", "", {})
        able = self.able(backend, device)
        having = {node.processor: node.versions[backend] for node in self if node.id in able}
        return having[max(sorted(having), key=lambda name: _drawn(key, name, cpus[name]))]

    def able(self, backend: str, device: str, processor: str | None = None) -> set[str]:
        """The nodes, by id, that can do a backend's jobs on a device, for one processor or any."""
        having = [
            node
            for node in self
            if backend in node.versions and processor in (None, node.processor)
        ]
        return {node.id for node in having if device.startswith("cpu") or node.gpus}


def _drawn(key: str, name: str, cpus: int) -> float:
    share = (1 + int.from_bytes(hashlib.sha256(f"{key} {name}".encode()).digest()[:6], "big")) / (
        2**48 + 1
    )
    return cpus / -math.log(share)
