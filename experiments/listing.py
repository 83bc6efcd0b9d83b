"""The catalogue with its sizes: how many runs an experiment is, and about how long they take."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from experiments.experiment import catalogue, read, settings
from experiments.settings import Settings, Values

if TYPE_CHECKING:
    from experiments.jobs import Job

START, RUN = 5.0, 0.3
"""Seconds to import a framework, and to compile and begin a run; on the processors of
docs/adr/0005."""

LAYER = 2e-5
"""Seconds of a layer in a step, whatever its size."""

CELLS = 2e-4
"""Seconds of a step of time of a layer of cells, on average over the backends."""

STEPS = 64
"""Of a sequence, where its data have not been read."""

SPEED = 5e10
"""Multiplications and additions in a second, while a step is at work."""


def listing(backends: Sequence[str], overrides: Values) -> Iterator[tuple[str, str]]:
    """Each experiment's name with its sizes, and its question.

    Args:
        backends: Those that would run.
        overrides: Numbers of the command line.
    """
    for name in catalogue():
        experiment = read(name)
        found = settings(experiment, overrides)
        runs = len(found) * len(backends)
        sizes = ", ".join(
            [
                _count(len(found), "configuration"),
                _count(_most(found, "seeds"), "seed"),
                _count(_most(found, "steps"), "step"),
            ]
        )
        where = (
            f"{_count(runs, 'run')} on {', '.join(backends)}: "
            f"{_spoken(seconds(found, len(backends)))}"
        )
        yield f"{name}: {sizes}; {where}", experiment.question


def seconds(found: Sequence[Settings], backends: int) -> float:
    """About how long the runs take on so many backends, on the cores that this process may use."""
    return _seconds(
        [one.steps * one.seeds * _of_settings(one) for one in found] * backends, backends
    )


def announced(jobs: Sequence[Job]) -> str:
    """What is to be run, and how long it takes: `60 runs on numpy, torch: about 2 minutes`."""
    names = list(dict.fromkeys(job.backend for job in jobs))
    each = [
        job.plan.steps
        * len(job.plan.seeds)
        * _step(
            len(job.plan.network.sites),
            CELLS if job.plan.network.shared > 1 else LAYER,
            job.plan.network.units,
            job.plan.task.batch_size,
        )
        for job in jobs
    ]
    return (
        f"{_count(len(jobs), 'run')} on {', '.join(names)}: {_spoken(_seconds(each, len(names)))}"
    )


def _seconds(runs: Sequence[float], backends: int) -> float:
    """All together, of the seconds of each run's steps."""
    return (backends * START + RUN * len(runs) + sum(runs)) / min(
        backends, len(os.sched_getaffinity(0))
    )


def _of_settings(one: Settings) -> float:
    """Seconds of one step of one seed."""
    if one.recurrent.over_time:
        return _step(one.time or STEPS, CELLS, _widest(one), one.batch_size)
    return _step(one.layers, LAYER, _widest(one), one.batch_size)


def _step(count: int, each: float, width: int, batch_size: int) -> float:
    """Seconds of one step of one seed.

    Three products of [batch, width] and [width, width] a site, two operations each.
    """
    return count * (each + 6 * batch_size * width**2 / SPEED)


def _widest(one: Settings) -> int:
    return max(one.width) if isinstance(one.width, tuple) else one.width


def _most(found: Sequence[Settings], number: str) -> int:
    return max(getattr(one, number) for one in found)


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def _spoken(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "under a minute"
    return "about a minute" if minutes == 1 else f"about {minutes:,} minutes"
