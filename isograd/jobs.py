"""The jobs of this project, each in a process of its own.

`isograd compare | diagnose | port | migrate | convert | report ...`.

A job's process finds `common`, `backends` and `experiments` before anything of the same name, and
nothing in the folder that it is started in: so it may be started from a project that has folders of
these names. That project's own code never runs in it.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOME = HERE if (HERE / "experiments").is_dir() else HERE.parent
"""The folder that holds them: where it is installed, this package itself; in a clone the one above
it."""

JOBS = {
    "compare": (
        "train one network in several frameworks: where does its gradient vanish, and what brings "
        "it back?"
    ),
    "diagnose": "where does the gradient of your own model vanish, and which line changes it?",
    "port": "does your port compute the same as your model, and where do they part first?",
    "migrate": "a countermeasure in three frameworks side by side",
    "differences": (
        "what differs between the frameworks under one name, what it does, and what makes it equal"
    ),
    "convert": "weights, statistics and optimiser state from one framework's file into another's",
    "claims": "which claims of a textbook article hold, and on what condition?",
    "report": "the page of stored runs again",
}
"""What each of them answers."""

PACKAGES = {"report": "experiments.report.__main__"}
"""Jobs that are packages."""


def command(job: str, arguments: Sequence[str]) -> list[str]:
    """What starts a job in a process of its own."""
    return [sys.executable, "-P", __file__, job, *arguments]


def main() -> None:
    """The console script: this process becomes the job's."""
    job, *arguments = sys.argv[1:] or ["--help"]
    if job in ("-h", "--help"):
        print(_help())
    elif job == "--version":
        print(f"isograd {metadata.version('isograd')}")
    elif job in JOBS:
        started = command(job, arguments)
        os.execv(started[0], started)
    else:
        print(
            f"error: a job must be {', '.join(JOBS)}; received {job!r}; isograd --help says more",
            file=sys.stderr,
        )
        sys.exit(2)


def _help() -> str:
    lines = [f"  {job:<13}{answers}" for job, answers in JOBS.items()]
    return "\n".join(
        ["usage: isograd JOB ...", "", *lines, "", "isograd JOB --help shows the flags of a job."]
    )


def _run(job: str) -> None:
    """Be the job."""
    sys.path.insert(0, str(HOME))
    sys.argv = [f"isograd {job}", *sys.argv[2:]]
    importlib.import_module("experiments.entry").begin()  # before the imports that take time
    importlib.import_module(PACKAGES.get(job, f"experiments.{job}")).main()


if __name__ == "__main__":
    _run(sys.argv[1])
