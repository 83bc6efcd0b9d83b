"""An experiment on simulated nodes of a Ray cluster, one of which is killed: the findings are those
of one machine.

    python -m tests.nodes --times 10 -- factorial --depth 4 --width 8 --steps 3
    python -m tests.nodes --times 10 --lacks torch -- factorial --depth 4 --width 8 --steps 3
    python -m tests.nodes --times 3 --overhead -- factorial --depth 10 --steps 500

The nodes are Ray's own (`ray.cluster_utils`), each with its scheduler, its object store and its
processes, on this machine. `--lacks` adds a node without a framework. `--overhead` kills nothing,
and compares the seconds of one node that has all cores with those of processes on the same cores.
Exit status 1 where findings differ or a run is not there.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import logging
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

SECONDS = {"seconds", "command", "traces"}
"""What is no finding: times, the command line, and what was compiled before."""

NOTICED_SOON = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
}
"""Ray takes a node for lost after 2 s in place of 15 or more."""


class Nodes:
    """A cluster whose head gives no processor away, so that every lane is on a node that may be
    killed.
    """

    def __init__(self, cluster: Any, nodes: list[Any]) -> None:
        self.cluster = cluster
        self.nodes = nodes
        self.address = cluster.address

    def kill(self) -> None:
        """End one of the nodes as a power cut would."""
        self.cluster.remove_node(self.nodes.pop(), allow_graceful=False)


@contextlib.contextmanager
def nodes(count: int, cpus: int = 1, lacks: str = "") -> Iterator[Nodes]:
    """A cluster of simulated nodes, and one more that lacks a package."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    head = {"num_cpus": 0, "_system_config": NOTICED_SOON}
    cluster = importlib.import_module("ray.cluster_utils").Cluster(
        initialize_head=True, head_node_args=head
    )
    try:
        with TemporaryDirectory(prefix="ray-") as folder:

            def add(name: str, **more: Any) -> Any:
                # a disk of its own, as a machine has: two that unpack into one spoil the sources
                return cluster.add_node(num_cpus=cpus, temp_dir=str(Path(folder, name)), **more)

            if lacks:
                Path(folder, "sitecustomize.py").write_text(
                    f"import sys\nsys.modules[{lacks!r}] = None\n", encoding="utf-8"
                )
                add("lacks", env_vars={"PYTHONPATH": folder})
            yield Nodes(cluster, [add(str(number)) for number in range(count)])
    finally:
        cluster.shutdown()


class Done(NamedTuple):
    """What a command left."""

    seconds: float
    findings: Any
    runs: list[str]
    messages: str


def command(folder: Path, arguments: list[str]) -> list[str]:
    """The comparison, which keeps its runs in a folder."""
    line = [sys.executable, "-m", "experiments.compare", *arguments]
    return [*line, "--output", str(folder / "runs"), "--json", str(folder / "findings.json")]


def ran(
    folder: Path, arguments: list[str], meanwhile: Callable[[Path], None] = lambda runs: None
) -> Done:
    """Run the comparison, and do something while it runs, that is told the folder of its runs."""
    clock = time.monotonic()
    folder.mkdir(parents=True)
    process = subprocess.Popen(
        command(folder, arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    meanwhile(folder / "runs")
    messages = process.communicate()[1]
    if process.returncode:
        raise RuntimeError(f"exit status {process.returncode}: {messages}")
    runs = sorted(path.name for path in (folder / "runs").glob("*.parquet"))
    return Done(time.monotonic() - clock, findings(folder / "findings.json"), runs, messages)


def kill_after(cluster: Nodes, seconds: float, runs: Path) -> None:
    """Kill a node some seconds after the start."""
    time.sleep(seconds)
    cluster.kill()


def findings(path: Path) -> Any:
    """The findings in a file, without what differs from one time to the next on one machine."""
    return _without(json.loads(path.read_text(encoding="utf-8")))


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner) for key, inner in value.items() if key not in SECONDS}
    return [_without(inner) for inner in value] if isinstance(value, list) else value


def differences(one: Any, other: Any, at: str = "") -> list[str]:
    """Where two findings differ."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [place for key in one for place in differences(one[key], other[key], f"{at}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            place
            for i, pair in enumerate(zip(one, other, strict=True))
            for place in differences(*pair, f"{at}[{i}]")
        ]
    return (
        [] if one == other or (one != one and other != other) else [f"{at}: {one!r} and {other!r}"]
    )


def killed(folder: Path, arguments: list[str], count: int, lacks: str, after: float) -> Done:
    """The comparison on nodes of which one is killed some seconds after the start."""
    with nodes(count, lacks=lacks) as cluster:
        killing = partial(kill_after, cluster, after)
        return ran(folder, [*arguments, "--cluster", cluster.address], killing)


def on_all_cores(folder: Path, arguments: list[str]) -> Done:
    """The comparison on one node that has what this machine has."""
    with nodes(1, cpus=len(os.sched_getaffinity(0))) as cluster:
        return ran(folder, [*arguments, "--cluster", cluster.address])


def is_wrong(here: Done, found: Done, said: str) -> bool:
    """Whether the nodes' findings or runs are others; says so."""
    places = differences(here.findings, found.findings)
    again = found.messages.count("it is tried again")
    those = "".join(f"; {place}" for place in places[:3])
    print(
        (
            f"{said}: {len(found.runs)} runs in {found.seconds:.1f} s, {again} tried again, "
            f"{len(places)} findings differ{those}"
        ),
        flush=True,
    )
    return bool(places) or found.runs != here.runs


def main() -> None:
    """Kill a node, and again; or compare seconds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--lacks", default="", metavar="FRAMEWORK")
    parser.add_argument("--overhead", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("arguments", nargs="+")
    options = parser.parse_args()
    drawn = random.Random(options.seed)
    wrong = 0
    with TemporaryDirectory(prefix="isograd-nodes-") as name:
        here = ran(Path(name, "here"), options.arguments)
        print(f"this machine: {len(here.runs)} runs in {here.seconds:.1f} s", flush=True)
        for number in range(options.times):
            folder = Path(name, str(number))
            if options.overhead:
                again = (
                    here if number == 0 else ran(Path(name, f"here {number}"), options.arguments)
                )
                found = on_all_cores(folder, options.arguments)
                ratio = (
                    f"{found.seconds / again.seconds:.3f} of the {again.seconds:.1f} s of processes"
                )
                wrong += is_wrong(here, found, ratio)
            else:
                after = drawn.uniform(1, max(2.0, here.seconds))
                found = killed(folder, options.arguments, options.nodes, options.lacks, after)
                wrong += is_wrong(here, found, f"a node killed after {after:.1f} s")
    sys.exit(int(wrong > 0))


if __name__ == "__main__":
    main()
