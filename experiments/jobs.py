"""Jobs: the runs that an experiment needs, each with its id, and which of them the store has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from backends import DEFINITION
from common.plan import Plan
from experiments.store import Store
from experiments.tables import Run
from experiments.versions import versions

VersionsOf = Callable[[str, Plan, str], dict[str, str]]
"""What enters the run id of a plan on a backend and a device, beside these."""


class Job(NamedTuple):
    """One run that is to be done."""

    backend: str
    name: str
    plan: Plan
    run_id: str
    device: str
    processor: str = ""
    """Of what name the processor is that the run id was made for, where there are several."""

    @property
    def defines(self) -> bool:
        """Whether it leaves the references of its plan."""
        return self.backend == DEFINITION


def versions_here(backend: str, plan: Plan, device: str) -> dict[str, str]:
    """Those of this machine, for every plan."""
    return versions(backend)


def job(
    backend: str, name: str, plan: Plan, device: str, versions_of: VersionsOf = versions_here
) -> Job:
    """A job with its run id. The definition always runs on the processor."""
    device = "cpu" if backend == DEFINITION else device
    found = versions_of(backend, plan, device)
    return Job(backend, name, plan, plan.run_id(backend, device, found), device, found["processor"])


def jobs_of(
    plans: dict[str, Plan],
    backends: Iterable[str],
    device: str,
    versions_of: VersionsOf = versions_here,
) -> list[Job]:
    """Every plan on every backend."""
    return [
        job(backend, name, plan, device, versions_of)
        for backend in backends
        for name, plan in plans.items()
    ]


def missing(jobs: list[Job], have: Collection[str]) -> list[Job]:
    """The jobs whose runs there are not, and the definition's for every framework's among them.

    It leaves the references.
    """
    todo = {one.run_id: one for one in jobs if one.run_id not in have}
    compared = {one.plan for one in todo.values() if one.backend != DEFINITION}
    return list(
        ({one.run_id: one for one in jobs if one.defines and one.plan in compared} | todo).values()
    )


def stored(jobs: Iterable[Job], store: Store) -> dict[str, Run]:
    """The runs that the store has, by run id."""
    wanted = {one.run_id: one for one in jobs}
    found = store.load_all(wanted)
    return {
        run_id: run
        for run_id, run in found.items()
        if run.is_of(wanted[run_id].plan, wanted[run_id].backend)
    }
