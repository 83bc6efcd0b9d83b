"""Progress on standard error: bars on a terminal, a line for each run elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from experiments.runner import Job


class Bars:
    """One bar for each lane, in training steps."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description:>22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.progress_bars = Progress(*columns, TextColumn("{task.fields[run]}"), console=console, transient=True)
        self.tasks: dict[str, TaskID] = {}
        self.before: dict[str, int] = {}

    def __enter__(self) -> Self:
        self.progress_bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.progress_bars.stop()

    def start(self, lane: str, jobs: list[Job]) -> None:
        """Add a bar."""
        self.before[lane] = 0
        self.tasks[lane] = self.progress_bars.add_task(lane, total=sum(job.plan.steps for job in jobs), run="starting")

    def progress(self, lane: str, job: Job, steps: int) -> None:
        """Move a bar within a run."""
        self.progress_bars.update(self.tasks[lane], completed=self.before[lane] + steps, run=job.name)

    def ended(self, lane: str, job: Job, outcome: str) -> None:
        """Move a bar to the end of a run; a failure is said above the bars."""
        self.before[lane] += job.plan.steps
        self.progress(lane, job, 0)
        if outcome != "finished":
            self.progress_bars.console.print(f"{lane}: {job.name}: {outcome}", markup=False, highlight=False)


class Lines:
    """One line for each run."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.total: dict[str, int] = {}
        self.done: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def start(self, lane: str, jobs: list[Job]) -> None:
        """Remember how many runs there are."""
        self.total[lane], self.done[lane] = len(jobs), 0

    def progress(self, lane: str, job: Job, steps: int) -> None:
        """Nothing: a line is for a whole run."""

    def ended(self, lane: str, job: Job, outcome: str) -> None:
        """Say how a run ended."""
        self.done[lane] += 1
        line = f"{lane} {self.done[lane]}/{self.total[lane]} {job.name}: {outcome}"
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def watcher(console: Console) -> Bars | Lines:
    """What suits the console."""
    return Bars(console) if console.is_terminal else Lines(console)
