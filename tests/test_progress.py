"""Progress: a total, the time left, bars that fit a terminal, and few lines elsewhere."""

from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from experiments.experiment import plans, read
from experiments.jobs import Job
from experiments.report import progress
from experiments.report.progress import MOST_BARS, Bars, Lines, Total, watcher

PLANS = plans(read("countermeasures"), {"depth": 4, "width": 8, "steps": 10})
JOBS = [
    Job(backend, name, plan, f"{backend} {name}", "cpu")
    for backend in ("torch", "keras")
    for name, plan in PLANS.items()
]


def seen(*, terminal: bool, outcome: str = "finished", width: int = 80) -> str:
    """What is shown while the jobs are done, in two lanes."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, legacy_windows=False)
    with watcher(console, JOBS) as shown:
        for lane, jobs in itertools.groupby(JOBS, key=lambda job: job.backend):
            todo = list(jobs)
            shown.start(lane, todo)
            for job in todo:
                shown.progress(lane, job, 5)
                if isinstance(shown, Bars):
                    shown.bars.refresh()
                shown.ended(lane, job, outcome)
    return stream.getvalue()


def test_a_pipe_gets_a_line_at_each_tenth() -> None:
    lines = seen(terminal=False).splitlines()
    assert [line.split(" %")[0].strip() for line in lines] == [str(n) for n in range(10, 101, 10)]
    assert "30 of 30 runs" in lines[-1]
    assert all("about " in line for line in lines[:-1])


def test_a_failure_is_said_at_once_wherever_progress_goes() -> None:
    for terminal in (False, True):
        assert seen(terminal=terminal, outcome="killed").count("keras: tanh + xavier: killed") == 1


@pytest.mark.parametrize("width", [80, 120])
def test_bars_fit_the_terminal(width: int) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=True, legacy_windows=False)
    with Bars(console, JOBS) as shown:
        shown.start("torch (1 of 2)", JOBS[:15])
        shown.progress("torch (1 of 2)", JOBS[12], 5)
        drawn = io.StringIO()
        Console(file=drawn, width=width).print(shown.bars.get_renderable())
    lines = [line.rstrip() for line in drawn.getvalue().splitlines()]
    assert len(lines) == 2
    assert max(map(len, lines)) <= width
    assert "0 of 30 runs, 0:00 gone" in lines[0]
    assert "torch (1 of 2)" in lines[1]


def test_a_lane_that_is_done_has_no_bar() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with Bars(console, JOBS) as shown:
        shown.start("torch", JOBS[:1])
        shown.ended("torch", JOBS[0], "finished")
        assert [task.description for task in shown.bars.tasks if task.visible] == ["all"]


def test_there_are_no_more_bars_than_fit_and_one_that_goes_makes_room_for_the_next() -> None:
    with Bars(Console(file=io.StringIO(), width=80, force_terminal=True), JOBS) as shown:
        for number in range(2 * MOST_BARS):
            shown.start(f"torch ({number})", JOBS[:1])
        assert sum(task.visible for task in shown.bars.tasks) == 1 + MOST_BARS
        shown.ended("torch (3)", JOBS[0], "finished")
        shown.ended(f"torch ({MOST_BARS})", JOBS[0], "finished")
        assert sum(task.visible for task in shown.bars.tasks) == MOST_BARS
        shown.start("jax", JOBS[:1])
        assert "jax" in [task.description for task in shown.bars.tasks if task.visible]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10), st.booleans()), max_size=30))
def test_what_is_done_is_what_has_ended_and_what_is_done_of_the_rest(
    moves: list[tuple[str, int, bool]],
) -> None:
    total = Total(JOBS)
    ended = 0
    within = dict.fromkeys("abc", 0)
    for lane, steps, ends in moves:
        total.move(lane, steps)
        within[lane] = 0 if ends else steps
        if ends:
            total.end(lane, JOBS[0])
            ended += JOBS[0].plan.steps
        assert total.done == ended + sum(within.values())


def test_the_time_left_is_that_of_the_speed_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 60.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    total = Total(JOBS)
    for job in JOBS[:10]:
        total.end("torch", job)
    assert str(total) == "10 of 30 runs, 1:00 gone, about 2:00 left"


def test_what_is_watched_suits_the_console() -> None:
    assert isinstance(watcher(Console(file=io.StringIO()), JOBS), Lines)
    assert isinstance(watcher(Console(file=io.StringIO(), force_terminal=True), JOBS), Bars)
