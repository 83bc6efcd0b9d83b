"""The watcher: what the runner tells whoever shows progress (experiments/report/progress.py)."""

from __future__ import annotations

from typing import Protocol

from experiments.jobs import Job


class Watcher(Protocol):
    """Whoever shows progress."""

    def start(self, lane: str, jobs: list[Job]) -> None:
        """A lane has begun."""
        ...

    def progress(self, lane: str, job: Job, steps: int) -> None:
        """So many steps of a run are done."""
        ...

    def ended(self, lane: str, job: Job, outcome: str) -> None:
        """A run has ended: `finished`, or the reason why not."""
        ...

    def where(self, text: str) -> None:
        """Where the lanes are at work, if it is not here."""
        ...

    def say(self, text: str) -> None:
        """Something that a reader should know now."""
        ...
