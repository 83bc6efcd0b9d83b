"""Progress on standard error, with a total and the time left.

Bars on a terminal, a line at each tenth elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from experiments.jobs import Job

BAR = 20
"""Columns of a bar."""

MOST_BARS = 30
"""Beside the one for all together; a cluster has thousands of lanes."""


class Total:
    """How much of the work is done, in training steps, and how long the rest will take."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        steps = [job.plan.steps for job in jobs]
        self.steps = sum(steps)
        self.runs = len(steps)
        self.ended = self.done = 0
        self.within: dict[str, int] = {}
        self.begun = time.monotonic()
        self.where = ""

    def end(self, lane: str, job: Job) -> None:
        """A run has ended, and counts as done whatever became of it."""
        self.ended += 1
        self.done += job.plan.steps
        self.move(lane, 0)

    def move(self, lane: str, steps: int) -> None:
        """So many steps of a lane's run are done."""
        self.done += steps - self.within.get(lane, 0)
        self.within[lane] = steps

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return min(1.0, self.done / max(1, self.steps))

    def __str__(self) -> str:
        gone = time.monotonic() - self.begun
        left = f", about {_clock(gone / self.share - gone)} left" if 0.02 < self.share < 1 else ""
        where = f", {self.where}" if self.where else ""
        return f"{self.ended} of {self.runs} runs, {_clock(gone)} gone{left}{where}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Bars:
    """A bar for all together, and one for each lane that is at work, as far as there is room."""

    def __init__(self, console: Console, jobs: Iterable[Job]) -> None:
        columns = (
            TextColumn("{task.description}", table_column=Column(no_wrap=True), markup=False),
            BarColumn(BAR),
            TextColumn("{task.percentage:>3.0f} %", table_column=Column(no_wrap=True)),
            TextColumn(
                "{task.fields[run]}",
                table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
                markup=False,
            ),
        )
        self.bars = Progress(*columns, console=console, transient=True, expand=True)
        self.total = Total(jobs)
        self.whole = self.bars.add_task("all", total=1.0, run=str(self.total))
        self.lanes: dict[str, TaskID] = {}
        self.shown: set[str] = set()
        self.before: dict[str, int] = {}
        self.steps: dict[str, int] = {}

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def end(self) -> None:
        """Take the bars away, and give the terminal its cursor back."""
        self.bars.stop()

    def start(self, lane: str, jobs: list[Job]) -> None:
        """Add a bar; of a lane that starts once more it is a new one, with what is left."""
        if lane in self.lanes:
            self.bars.update(self.lanes[lane], visible=False)
        self.before[lane] = 0
        self.steps[lane] = sum(job.plan.steps for job in jobs)
        if len(self.shown) < MOST_BARS:
            self.shown.add(lane)
        self.lanes[lane] = self.bars.add_task(
            lane, total=self.steps[lane], run="starting", visible=lane in self.shown
        )

    def progress(self, lane: str, job: Job, steps: int) -> None:
        """Move a bar within a run."""
        self.total.move(lane, steps)
        self.bars.update(self.lanes[lane], completed=self.before[lane] + steps, run=job.name)
        self.bars.update(self.whole, completed=self.total.share, run=str(self.total))

    def ended(self, lane: str, job: Job, outcome: str) -> None:
        """Move a bar to the end of a run.

        A failure is said above the bars, and the bar of a lane that is done goes.
        """
        self.total.end(lane, job)
        self.before[lane] += job.plan.steps
        self.progress(lane, job, 0)
        if self.before[lane] >= self.steps[lane]:
            self.shown.discard(lane)
            self.bars.update(self.lanes[lane], visible=False)
        if outcome != "finished":
            self.say(f"{lane}: {job.name}: {outcome}")

    def where(self, text: str) -> None:
        """Show it beside the total."""
        self.total.where = text
        self.bars.update(self.whole, run=str(self.total))

    def say(self, text: str) -> None:
        """Say it above the bars."""
        self.bars.console.print(text, markup=False, highlight=False)


class Lines:
    """A line at each tenth of all work, and one for each failure."""

    def __init__(self, console: Console, jobs: Iterable[Job]) -> None:
        self.console = console
        self.total = Total(jobs)
        self.said = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def end(self) -> None:
        """Nothing: lines stay."""

    def start(self, lane: str, jobs: list[Job]) -> None:
        """Nothing: a lane is no news."""

    def progress(self, lane: str, job: Job, steps: int) -> None:
        """Say how far all is, at each tenth."""
        self.total.move(lane, steps)
        self._say()

    def ended(self, lane: str, job: Job, outcome: str) -> None:
        """Say how far all is, and what failed."""
        self.total.end(lane, job)
        if outcome != "finished":
            self.say(f"{lane}: {job.name}: {outcome}")
        self._say()

    def where(self, text: str) -> None:
        """Say it with the next tenth."""
        self.total.where = text

    def say(self, text: str) -> None:
        """Say it on a line of its own."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _say(self) -> None:
        tenth = int(10 * self.total.share + 1e-9)
        if tenth > self.said:
            self.said = tenth
            self.console.print(
                f"{10 * tenth:>3} %: {self.total}", markup=False, highlight=False, soft_wrap=True
            )


def watcher(console: Console, jobs: Iterable[Job]) -> Bars | Lines:
    """What suits the console, for these jobs."""
    return Bars(console, jobs) if console.is_terminal else Lines(console, jobs)
