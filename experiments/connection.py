"""The connection to a Ray cluster.

Its address is tried, the sources go to its nodes, and at the end everything is let go.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from common.errors import UserError, install_command
from experiments import ending
from experiments.cluster import Cluster
from experiments.ray_nodes import nodes_of, told
from experiments.versions import ROOT

SOURCES = ("backends", "common", "experiments")
"""What a node needs of this project."""

ADDRESS_FILE = "ray_current_cluster"
"""Where `ray start` leaves the address of this machine's cluster, in Ray's folder."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
SETTINGS = b"\x04"
"""How a client of HTTP/2, and so of gRPC, begins, and the kind of frame that its server begins with
(RFC 9113, 3.4)."""

GREETING_SECONDS = 5

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
    # Ray prints what it hears of nodes; our standard output is for results
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            _start(ray, found)
            cluster = Cluster(ray, nodes_of(ray))
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
        raise UserError(
            f"{rule} {address}; run the command on a node of the cluster, with --cluster auto"
        )
    found = _of_this_machine() if address == "auto" else address
    if address == "auto" and not found:
        raise UserError(
            f"{rule} auto, but none runs on this machine; start one with: ray start --head"
        )
    if not (parts := re.fullmatch(r"\[?([^\s/]+?)\]?:(\d{1,5})", found)) or int(parts[2]) > 65535:
        raise UserError(f"{rule} {found!r}; `ray start --head` prints the address")
    try:
        greeted = _greeting(parts[1], int(parts[2]))
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"{rule} {found}, where nothing answers ({reason}); start one with: ray start --head"
        ) from None
    if greeted[3:4] != SETTINGS:
        raise UserError(
            f"{rule} {found}, where something else answers; `ray start --head` prints the address"
        )
    return found


def _greeting(host: str, port: int) -> bytes:
    """What a server says first to one who speaks HTTP/2.

    Ray, asked at another's port, would wait for minutes.
    """
    with socket.create_connection((host, port), timeout=GREETING_SECONDS) as line:
        line.sendall(PREFACE)
        return line.recv(9)


def _of_this_machine() -> str:
    file = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", ADDRESS_FILE)
    return os.environ.get("RAY_ADDRESS") or (
        file.read_text(encoding="utf-8").strip() if file.exists() else ""
    )


def _start(ray: Any, address: str) -> None:
    with TemporaryDirectory(prefix="isograd-") as folder:
        for name in SOURCES:
            shutil.copytree(
                ROOT / name, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__")
            )
        environment = {"working_dir": folder, "env_vars": ON_NODES}
        try:
            ray.init(
                address=address, runtime_env=environment, log_to_driver=False, logging_level="ERROR"
            )
        except Exception as error:
            raise UserError(
                f"--cluster: Ray at {address} refuses: {told(error)}; run this on one of its nodes"
            ) from None
