"""Processes that are timed, with one thread each.

A probe of this project, a script written by hand, a product of matrices.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from experiments import children

PEERS = Path(__file__).parents[1] / "peers"


class Failed(RuntimeError):
    """A process that was to be measured did not get to its end; the message says which and why."""


def probed(
    backend: str, plans: list[dict[str, Any]], measure: tuple[bool, ...] = (True,)
) -> list[dict[str, Any]]:
    """What `experiments.probe` says of plans.

    Each with and without measuring, one after another in one new process.
    """
    jobs = "".join(json.dumps([plan, "cpu", each]) + "\n" for plan in plans for each in measure)
    command = [sys.executable, "-m", "experiments.probe", backend]
    return [
        json.loads(line)
        for line in said(f"the probe of {backend}", command, _alone(), jobs).splitlines()
    ]


def by_hand(
    backend: str, file: Path, activations: str, norms: str, steps: int
) -> list[dict[str, Any]]:
    """What a hand-written script says of the job."""
    from experiments.process import ONE_THREAD

    command = [
        sys.executable,
        str(PEERS / f"{backend}_by_hand.py"),
        str(file),
        activations,
        norms,
        str(steps),
    ]
    # with ours, made for a scan, XLA takes half as long again for its unrolled layers
    env = _alone() | {"XLA_FLAGS": ONE_THREAD}
    return [
        json.loads(line) for line in said(f"the script of {backend}", command, env).splitlines()
    ]


def matmul_speed(width: int) -> float:
    """FLOP/s of [128, width] x [width, width] in float32 on one thread."""
    code = (
        "import numpy, time, statistics as s\n"
        f"a, b = numpy.ones((128, {width}), 'f4'), numpy.ones(({width}, {width}), 'f4')\n"
        "def t():\n c = time.perf_counter()\n for _ in range(20): a @ b\n return "
        "time.perf_counter() - c\n"
        f"print(20 * 2 * 128 * {width}**2 / s.median(t() for _ in range(9)))"
    )
    return float(said("the product of two matrices", [sys.executable, "-c", code], _alone()))


def said(what: str, command: list[str], env: dict[str, str], told: str = "") -> str:
    """What a process prints that is told something.

    Raises:
        Failed: It ended with another exit status than 0.
    """
    found = children.ask(command, env=env, told=told)
    if found.returncode:
        raise Failed(
            f"{what} ended with exit status {found.returncode}: {children.last_word(found)}"
        )
    return found.stdout


def _alone() -> dict[str, str]:
    """The environment of a process with one thread.

    An earlier one has left nothing to it that was compiled.
    """
    from experiments.process import environment

    return environment(1) | {"JAX_ENABLE_COMPILATION_CACHE": "false"}
