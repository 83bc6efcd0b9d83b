"""The backends to run, and whether they have the device that is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from backends import DEFINITION, FRAMEWORKS, NEEDS, install_command, missing
from common.errors import UserError, nearest, shown

if TYPE_CHECKING:
    from experiments.cluster import Cluster


def choose(
    asked: Iterable[str] | None, cluster: Cluster | None = None
) -> tuple[list[str], list[str]]:
    """The backends to run, and those that are left out.

    The latter are not installed, here or on any node of a cluster.

    Raises:
        UserError: A backend asked for by name does not exist or is not installed.
    """
    lacks, where = (
        (cluster.nodes.missing, " on a node of the cluster") if cluster else (missing, "")
    )
    if asked is None:
        absent = [name for name in FRAMEWORKS if lacks(name)]
        return [name for name in NEEDS if name not in absent], absent
    names = [name for part in asked for name in part.split(",") if name]
    for name in names:
        if name not in NEEDS:
            raise UserError(f"--backends: no backend is called {shown(name)}{nearest(name, NEEDS)}")
        if lacks(name):
            raise UserError(
                f"--backends: {name} needs {', '.join(lacks(name))}{where}; install with: "
                f"{install_command(name)}"
            )
    if not names:
        raise UserError(f"--backends must name at least one backend; known: {', '.join(NEEDS)}")
    return [name for name in NEEDS if name in (DEFINITION, *names)], []  # the definition first


def check_device(device: str, chosen: list[str], cluster: Cluster | None = None) -> None:
    """Refuse a device that is none, or that the backends do not have, here or on a cluster's nodes.

    Raises:
        UserError: It is so.
    """
    if not re.fullmatch(r"(cpu|gpu|tpu)(:\d+)?", device):
        near = nearest(device.partition(":")[0], ("cpu", "gpu", "tpu"))
        raise UserError(
            "--device must be cpu, gpu or tpu, with or without a number as in cpu:1; received "
            f"{shown(device)}{near}"
        )
    if cluster:
        cluster.nodes.check(device, chosen)
    elif device not in ("cpu", "cpu:0"):  # every backend has that one
        from experiments.devices import check

        check(device, [name for name in chosen if name != DEFINITION] or chosen)
