"""Measuring.

Every network in every framework by the runner of `compare`, and each framework's own functions
beside it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from common.errors import Failed
from common.plan import Plan
from experiments import children, ending
from experiments.claiming.evidence import Evidence
from experiments.executor import Processes
from experiments.jobs import Job, jobs_of, stored
from experiments.listing import announced
from experiments.process import environment
from experiments.report.progress import watcher
from experiments.runner import Runner
from experiments.store import Store
from experiments.tables import Run

NATIVE = Path(__file__).parent / "native"
"""A script for each framework that asks its own functions, where nothing of this project is."""

Facts = dict[str, Any]

ASKED: Facts = {
    "gradients": [[3.0, 4.0], [0.1, 0.2]],
    "threshold": 1.0,
    "shapes": [[256, 256], [784, 10], [10, 784]],
    "batches": [[[1.0, 2.0], [3.0, 1.0], [0.0, 0.5]], [[1.0, 2.0], [30.0, -1.0], [5.0, 0.5]]],
}
"""What the scripts are asked about: the gradients of two parameters, clipped at a threshold; the
standard deviation of Xavier's weights of these shapes, n_in and n_out; what batch norm makes of the
first sample of each of two batches, which is the same."""


def facts(framework: str) -> Facts:
    """What a framework's own functions do.

    Raises:
        Failed: The script has failed.
    """
    command = [sys.executable, "-P", str(NATIVE / f"{framework}_itself.py")]
    asked = children.ask(command, env=environment(1), told=json.dumps(ASKED))
    if asked.returncode:
        raise Failed(f"{framework}'s own functions could not be asked: {children.last_word(asked)}")
    return json.loads(asked.stdout)


def evidence(
    plans: Mapping[str, Plan], frameworks: Iterable[str], console: Console
) -> tuple[dict[str, Evidence], list[str]]:
    """Measure everything, in worker processes side by side; nothing is kept.

    Args:
        plans: The networks by name.
        frameworks: To measure in.
        console: Where the progress is shown.

    Returns:
        What was measured, by framework; and what failed, each with its reason.
    """
    jobs = jobs_of(dict(plans), frameworks, "cpu")
    with ending.temporary_folder() as folder, ThreadPoolExecutor(max_workers=1) as beside:
        asking = {name: beside.submit(partial(facts, name)) for name in frameworks}
        runs, failed = _runs(jobs, Store(Path(folder)), console)
        failed += [str(error) for one in asking.values() if (error := one.exception())]
    found = {
        name: Evidence(runs[name], {} if one.exception() else one.result())
        for name, one in asking.items()
    }
    return found, failed


def _runs(
    jobs: list[Job], store: Store, console: Console
) -> tuple[dict[str, dict[str, Run]], list[str]]:
    """The runs by framework and network, and what is said of those that failed."""
    console.print(announced(jobs), markup=False, highlight=False, soft_wrap=True)
    with watcher(console, jobs) as progress, ending.tidied(progress.end):
        failed = Runner(store, progress, Processes()).run(jobs)
    have = stored([job for job in jobs if job.run_id not in failed], store)
    runs: dict[str, dict[str, Run]] = {job.backend: {} for job in jobs}
    for job in jobs:
        if job.run_id in have:
            runs[job.backend][job.name] = have[job.run_id]
    return runs, [
        f"{job.backend}: {job.name}: {failed[job.run_id].reason}"
        for job in jobs
        if job.run_id in failed
    ]
