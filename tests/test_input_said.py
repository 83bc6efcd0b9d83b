"""What a user is told before anything runs: errors of one short line, names, how many runs, and how
much memory.
"""

from __future__ import annotations

import re
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.numpy.training import Program
from common import draw, task, text
from common.backend import train
from common.errors import COLUMNS, UserError, shown
from common.plan import Plan
from common.text import columns
from experiments.experiment import name_of_file, plans, read
from experiments.jobs import jobs_of
from experiments.listing import announced


def test_how_many_runs_there_are_is_said_with_how_long_they_take() -> None:
    few, more = (
        jobs_of(plans(read("countermeasures"), {"steps": steps}), ["numpy", "torch"], "cpu")
        for steps in (10, 100_000)
    )
    assert announced(few) == f"{len(few)} runs on numpy, torch: under a minute"
    minutes = re.fullmatch(
        rf"{len(more)} runs on numpy, torch: about ([\d,]+) minutes", announced(more)
    )
    assert minutes
    assert int(minutes[1].replace(",", "")) > 10


def test_two_files_of_one_name_and_the_catalogues_experiment_are_kept_apart() -> None:
    names = [
        name_of_file(name)
        for name in ("a/x.toml", "b/x.toml", "x.toml", "depth.toml", "depth", "a/../x.toml")
    ]
    assert names[5] == names[2]
    assert len(set(names)) == 5
    assert names[4] == "depth"
    assert all(re.fullmatch(r"(x|depth)-[0-9a-f]{8}", name) for name in names[:4])


@given(name=st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_the_name_of_a_file_is_one_that_a_folder_can_hold(name: str) -> None:
    stem = text.file_stem(name)
    assert 0 < len(f"experiment-{stem}-12345678.json.part".encode()) <= 255
    assert "/" not in stem
    assert "\0" not in stem
    assert stem.strip(".")


@given(message=st.text(max_size=3000), word=st.text(max_size=3000))
def test_an_error_is_one_printable_line_of_at_most_200_columns(message: str, word: str) -> None:
    error = UserError(f"--x must be a number; received {word}; {message}")
    assert columns(f"error: {error}") <= 200
    assert not text.control_in(str(error))
    assert str(error).startswith("--x must be a number; received ") or len(word + message) > 80


def test_a_message_of_any_length_is_shortened_at_once() -> None:
    before = time.process_time()
    assert (
        columns(str(UserError("--x must be short; received " + ("x" * 41 + " ") * 50_000)))
        <= COLUMNS
    )
    assert time.process_time() - before < 2


@given(
    value=st.recursive(
        st.integers() | st.text() | st.floats() | st.binary(),
        lambda inner: st.lists(inner) | st.tuples(inner),
    )
)
def test_what_was_received_is_shown_in_a_few_words(value: object) -> None:
    assert columns(shown(value)) <= 70
    assert not text.control_in(shown(value))


def test_what_was_received_is_shown_however_deep_it_is() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == "[[[[...]]]]"


@pytest.mark.parametrize(
    "sizes",
    [
        {"width": 400, "depth": 20, "seeds": (0,), "steps": 4},
        {"width": 16, "depth": 40, "seeds": tuple(range(8)), "batch_size": 512, "steps": 4},
        {"width": 2, "depth": 30, "seeds": (0, 1), "batch_size": 2, "steps": 200},
    ],
    ids=["weights", "batches", "what is recorded"],
)
def test_the_memory_of_a_run_is_estimated_to_its_order(
    plan: Callable[..., Plan], sizes: dict[str, Any]
) -> None:
    asked = plan(features=64, classes=10, **sizes)
    assert len(asked.groups()) == 1
    data = task.load(asked.task)
    tracemalloc.start()
    try:
        program = Program(asked)
        program.load(draw.state(asked))
        train(program, asked, draw.batches(asked, data))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak / 3 < asked.memory() < 3 * peak
