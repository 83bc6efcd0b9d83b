"""What Ray says of its nodes.

Which there are, what each answers that is asked what is installed, and why one does not.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator
from typing import Any

from common.errors import UserError, install_command
from experiments.nodes import Node, Nodes
from experiments.relay import installed

PROBE_SECONDS = 120
"""How long a node may take to say what is installed on it."""

LOOK_SECONDS = 5
"""How often is looked which nodes there still are."""

GONE = {"NodeDiedError", "TaskUnschedulableError", "WorkerCrashedError"}
"""What Ray raises where a node went."""


def nodes_of(ray: Any) -> Nodes:
    """The nodes that have a processor to give, each with what is installed there.

    The silent are left out, and named.
    """
    probe = ray.remote(installed)
    with_cpus = [
        node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1
    ]
    asked = {
        probe.options(num_cpus=0, max_retries=0, **only_on([node["NodeID"]])).remote(): node
        for node in with_cpus
    }
    found = [node for answer in _answers(ray, asked) if (node := _node(ray, answer, asked[answer]))]
    for silent in sorted(
        node["NodeName"] for node in with_cpus if node["NodeID"] not in {each.id for each in found}
    ):
        print(f"left out: the node {silent} does not answer", file=sys.stderr)
    if not found:
        raise UserError(
            "--cluster must have a node that gives processors away and answers; received none; "
            "see: ray status"
        )
    return Nodes(sorted(found, key=lambda node: (node.name, node.id)))


def _answers(ray: Any, asked: dict[Any, dict[str, Any]]) -> Iterator[Any]:
    """The answers as they come; a node that goes meanwhile is not waited for."""
    waiting = list(asked)
    until = time.monotonic() + PROBE_SECONDS
    while waiting and time.monotonic() < until:
        answered, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=LOOK_SECONDS)
        yield from answered
        living = alive(ray)
        waiting = [answer for answer in waiting if asked[answer]["NodeID"] in living]


def _node(ray: Any, answer: Any, node: dict[str, Any]) -> Node | None:
    """A node by its answer; None where it went before it gave one."""
    resources = node["Resources"]
    try:
        versions = ray.get(answer)
    except Exception as error:
        if type(error).__name__ in GONE:
            return None
        cure = f"in its project folder: {install_command('ray')}"
        raise UserError(
            f"--cluster: the node {node['NodeName']} cannot run this: {told(error)}; {cure}"
        ) from None
    return Node(
        node["NodeID"],
        node["NodeManagerHostname"],
        int(resources["CPU"]),
        int(resources.get("GPU", 0)),
        versions,
    )


def alive(ray: Any) -> set[str]:
    """The nodes that there still are, by their ids."""
    return {node["NodeID"] for node in ray.nodes() if node["Alive"]}


def only_on(ids: Collection[str]) -> dict[str, Any]:
    """The option of an actor or a task that is for these nodes only."""
    return {"label_selector": {"ray.io/node-id": f"in({','.join(sorted(ids))})"}}


def told(error: BaseException) -> str:
    """What went wrong, without Ray's account of it.

    The end of a traceback from a node, else the first sentence.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [
        type(error).__name__
    ]
    if "Traceback" in str(error) or "File " in str(error):
        return lines[-1][:100]
    return type(error).__name__ if type(error).__module__.startswith("ray.") else lines[0][:100]
