"""Small plans to run, and what writes down what a runner says."""

from __future__ import annotations

from collections.abc import Callable

from common.plan import Plan
from experiments.experiment import plans, read
from experiments.jobs import Job

SMALL = {"depth": 4, "width": 8, "steps": 4, "batch_size": 16, "seeds": 2}


class Notes:
    """Writes down what the runner says; may do something when a run makes progress."""

    def __init__(self, on_progress: Callable[[Job], None] | None = None) -> None:
        self.outcomes: list[tuple[str, str]] = []
        self.places: list[str] = []
        self.said: list[str] = []
        self.on_progress = on_progress

    def start(self, lane: str, jobs: list[Job]) -> None:
        pass

    def progress(self, lane: str, job: Job, steps: int) -> None:
        if self.on_progress:
            self.on_progress(job)

    def ended(self, lane: str, job: Job, outcome: str) -> None:
        self.outcomes.append((job.name, outcome))

    def where(self, text: str) -> None:
        self.places.append(text)

    def say(self, text: str) -> None:
        self.said.append(text)


def small(**overrides: object) -> dict[str, Plan]:
    chosen = ("tanh + xavier", "relu + he")
    found = plans(read("countermeasures"), SMALL | overrides)
    return {name: found[name] for name in chosen}
