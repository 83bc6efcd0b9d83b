"""Which devices a backend has, asked before a run.

In a process of its own, since the commands import no framework.

python -m experiments.devices BACKEND
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import backends
from common.device import named
from common.errors import Unsupported, UserError
from experiments import children
from experiments.process import environment


def check(device: str, names: list[str]) -> None:
    """Refuse a device that one of the backends has not.

    Raises:
        UserError: It says which of them have it not and what they have, and how to go on.
    """
    with ThreadPoolExecutor() as pool:
        devices = dict(zip(names, pool.map(devices_of, names), strict=True))
    without = {name: found for name, found in devices.items() if not _has(device, found)}
    if not without:
        return
    those = "; ".join(f"{name} has {', '.join(found)}" for name, found in without.items())
    others = [name for name in names if name not in without]
    cure = (
        f"leave it out, or run on it what has it: --backends numpy {' '.join(others)}"
        if others
        else "leave it out"
    )
    raise UserError(
        f"--device must be one that every backend has; received {device!r}, but {those}; {cure}"
    )


def _has(device: str, found: list[str]) -> bool:
    try:
        named(device, dict.fromkeys(found), "")
    except Unsupported:
        return False
    return True


def devices_of(name: str) -> list[str]:
    """The devices that a backend has.

    Raises:
        UserError: The backend does not start.
    """
    command = [sys.executable, "-P", "-m", "experiments.devices", name]
    asked = children.ask(command, env=environment(1))
    if asked.returncode:
        raise UserError(
            f"--device: {name} cannot be asked for its devices: {children.last_word(asked)}"
        )
    return json.loads(asked.stdout)


def main() -> None:
    """Say them as JSON."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a framework prints is no device
    try:
        json.dump(backends.load(sys.argv[1]).devices(), channel)
    except UserError as error:
        sys.exit(str(error))
    # whatever a framework's own start stumbles over; some say no more than their type
    except Exception as error:
        traceback.print_exc()
        sys.exit(f"{type(error).__name__}: {error}".removesuffix(": "))
    channel.close()


if __name__ == "__main__":
    main()
