"""What a user gives: whatever it is, it is refused in one line with status 2, or begun."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from common.errors import COLUMNS, UserError, shown
from common.text import columns
from experiments import experiment, tomlfile
from experiments.experiment import MANY, MOST, check_count, plans, read
from experiments.jobs import jobs_of
from experiments.report.progress import Bars
from tests.awkward import COMMANDS, arguments, furnish, tried
from tests.awkward_arrays import npz
from tests.awkward_files import ORDINARY, Pick, toml

QUICK = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(autouse=True, scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The folder with what is no ordinary file, as the one where the command is given."""
    here = Path.cwd()
    folder = tmp_path_factory.mktemp("given")
    furnish(folder)
    os.chdir(folder)
    yield
    os.chdir(here)
    shutil.rmtree(folder)


def picker(data: st.DataObject) -> Pick:
    return lambda options: data.draw(st.sampled_from(list(options)))


@QUICK
@given(data=st.data())
def test_flags_are_refused_in_one_line_or_begun(data: st.DataObject) -> None:
    command = data.draw(st.sampled_from(list(COMMANDS)))
    tried(command, arguments(picker(data), command))


@QUICK
@given(data=st.data())
def test_a_file_of_toml_is_refused_in_one_line_or_begun(data: st.DataObject) -> None:
    Path("tried.toml").write_bytes(toml(picker(data)))
    tried("compare", ["tried.toml"])


@QUICK
@given(data=st.data())
def test_an_archive_is_refused_in_one_line_or_begun(data: st.DataObject) -> None:
    Path("tried.npz").write_bytes(npz(picker(data)))
    tried("compare", ["mine.toml", "--data", "tried.npz", "--batch-size", "8"])


@pytest.mark.parametrize(
    ("command", "words", "said"),
    [
        ("compare", ["--depth", "-1"], "--depth must be greater than or equal to 1; received -1"),
        ("compare", ["--seeds", "100000000000000000000"],
            "--seeds must be less than or equal to 10000"),
        ("compare", ["--width", "1000000"], "--width must be less than or equal to 100000"),
        ("compare", ["--batch-size", "10000000"],
            "--batch-size must be less than or equal to 1000000"),
        ("compare", ["--steps", "1" * 5000], "--steps must be a whole number; received '111"),
        ("compare", ["--steps", "1000000000"],
            "1: a run must fit into memory; received 30 hidden layers of 64 units"),
        ("compare", ["--width", "90000", "--depth", "9000"], "a run must fit into memory"),
        ("compare", ["--figures", ""], "--figures must not be empty"),
        ("compare", ["--json="], "--json must not be empty"),
        ("compare", ["--output", ""], "--output must not be empty"),
        ("compare", ["--data", ""], "--data must not be empty"),
        ("compare", ["--fresh", ""], "what is asked must not be empty"),
        ("compare", ["--data", "/dev/zero"], "received /dev/zero: it is a pipe or a device"),
        ("compare", ["--data", "fifo"], "received fifo: it is a pipe or a device"),
        ("compare", ["--data", "zeros.npz"], "received zeros.npz: it is a pipe or a device"),
        ("compare", ["--data", "folder.npz"], "received folder.npz: Is a directory"),
        ("compare", ["fifo.toml"], "received fifo.toml: it is a pipe or a device"),
        ("compare", ["folder.toml"], "received folder.toml: Is a directory"),
        ("compare", ["loop.toml"], "received loop.toml: Too many levels of symbolic links"),
        ("compare", ["--output", "a\x1b[2J"],
            "--output must be text without control characters, in UTF-8; received U+001B"),
        ("compare", ["--data", "\udcff.npz"],
            "--data must be text without control characters, in UTF-8; received U+DCFF"),
        ("report", ["--experiment", ""], "--experiment must not be empty"),
        ("report", ["x" * 300], "a folder must hold finished runs that can be read; received x"),
        ("report", ["--output="], "--output must not be empty"),
        ("migrate", ["zyzzyva"], "no difference is about 'zyzzyva'; known: "),
        ("bench", ["--repeats", "0"], "--repeats must be from 1 to 1000; received 0"),
        ("bench", ["--repeats", "many"], "--repeats must be a whole number; received 'many'"),
        ("bench", ["--chart", "a.pdf"], "--chart must end in .svg or .png; received 'a.pdf'"),
        ("bench", ["--json", "nowhere/a.json"],
            "--json must be a file that can be written; received 'nowhere/a.json'"),
        ("bench", ["--json", "x" * 300 + "/" + "y" * 300],
            "--json must be a file that can be written; received"),
    ],
    ids=lambda value: (
        " ".join(value)[:30].encode("ascii", "replace").decode() if isinstance(value, list) else ""
    ),
)  # fmt: skip
def test_a_mistake_names_its_flag_the_rule_and_what_was_received(
    command: str, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr("tests.awkward.held", lambda *found: lines.append(found[-1]))
    assert tried(command, words) == "refused"
    assert said in lines[0], lines


def given_as(content: bytes | str) -> str:
    Path("given.toml").write_bytes(content.encode() if isinstance(content, str) else content)
    return "given.toml"


def refusal(content: bytes | str) -> str:
    with pytest.raises(UserError) as refused:
        plans(read(given_as(content)))
    assert columns(refused.value.line) <= COLUMNS
    return refused.value.line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (ORDINARY + b'depth = "3"',
            "configuration 1: depth must be a valid integer; received '3'; write 3"),
        (ORDINARY + b"steps = true",
            "steps must be a valid integer; received true; write a number such as 50"),
        (ORDINARY + b"name = 3", "a configuration's name must be a string; received 3"),
        (ORDINARY + b'name = "' + b"n" * 201 + b'"',
            "name must have at most 200 characters; received 201"),
        (ORDINARY + b'name = " "', "a configuration's name must not be empty"),
        (ORDINARY + rb'name = "a\u001b[2Jb"',
            "name must be text without control characters; received U+001B"),
        (ORDINARY + rb'name = "a\u202eb"', "received U+202E in it"),
        (ORDINARY + rb'data = "a\u0000b"',
            "data must be a path without control characters and in UTF-8; received U+0000"),
        (ORDINARY + b'data = ""', "data must be the path of a file; received an empty one"),
        (b"question = 3\n[[configuration]]", "given.toml: question must be text; received 3"),
        (b'question = "' + b"q" * 1001 + b'"\n[[configuration]]',
            "question must have at most 1,000 characters"),
        (rb'question = "\u0007"' + b"\n[[configuration]]",
            "question must be text without control characters; received U+0007"),
        (b'question = "q"\nbase = 3', "given.toml: base must be a table; received 3"),
        (b'question = "q"\n[grid]\ndepth = 3', "given.toml: grid.depth must be a list; received 3"),
        (b'question = "q"\n[grid]\ndepth = []',
            "given.toml: grid.depth must have at least 1 item; received []"),
        (b"\xff\xfe" + ORDINARY, "given.toml must be TOML; 'utf-8' codec"),
        (b"a = " + b"1" * 1990 + b"\n" + b"b = " + b"[" * 1900,
            "given.toml must be TOML; received brackets nested too deep"),
        (b"a = [" + b"1,\n" * 90_000, "given.toml must have at most 200,000 bytes"),
        (b".".join([b"a"] * 50_000) + b" = 1",
            "lines of at most 2,000 characters; received 100,003 in line 1"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_a_file_says_is_refused_with_the_place_and_the_rule(content: bytes, said: str) -> None:
    assert said in refusal(content)


def test_a_whole_number_of_very_many_digits_is_named_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tomlfile, "LINE", 10_000)
    assert "given.toml must be TOML; Exceeds the limit" in refusal(b"a = " + b"1" * 5000)
    assert shown(10**5000) == "a whole number of 16,610 bits"


def test_the_mark_of_an_editor_is_no_part_of_the_file() -> None:
    assert list(plans(read(given_as(b"\xef\xbb\xbf" + ORDINARY)))) == ["relu + xavier"]


def test_a_name_is_one_line_and_may_be_of_any_script() -> None:
    names = list(
        plans(
            read(given_as('question = "q"\n[[configuration]]\nname = """a\n  b [/nope]\tऀ漢 é"""'))
        )
    )
    assert names == ["a b [/nope] ऀ漢 é"]


@pytest.mark.parametrize("many", [False, True])
def test_a_grid_is_counted_before_it_is_expanded(
    many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = b'question = "q"\n[grid]\n' + b"".join(
        b"%s = [%s]\n" % (key, b"2, " * 600) for key in (b"depth", b"width", b"seeds", b"steps")
    )
    monkeypatch.setattr(experiment.itertools, "product", lambda *_: pytest.fail("it is expanded"))
    found = read(given_as(grid))
    assert found.count({}) == 600**4
    with pytest.raises(UserError) as refused:
        check_count(found, {}, many=many)
    assert (
        f"must have at most {MOST if many else MANY:,} configurations; received 129600000000"
        in refused.value.line
    )
    assert ("add --many" in refused.value.line) != many
    assert found.count({"depth": 3, "width": 3, "seeds": 1}) == 600
    check_count(found, {"depth": 3, "width": 3, "seeds": 1}, many=False)


def test_more_configurations_than_many_are_run_where_that_is_asked_for() -> None:
    Path("many.toml").write_text('question = "q"\n[grid]\nseeds = [' + "3,\n" * (MANY + 1) + "]")
    assert tried("compare", ["many.toml", "--many", "--backends", "numpy"]) == "begun"
    assert tried("compare", ["many.toml", "--backends", "numpy"]) == "refused"
    assert tried("compare", ["many.toml", "--backends", "numpy", "--seeds", "1"]) == "begun"


def test_markup_in_a_name_or_a_question_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    Path("markup.toml").write_text(
        "question = 'why [/nope] \\'\n[[configuration]]\nname = 'a [/nope] b'\ndepth = 3\nsteps = 2"
    )
    jobs = jobs_of(plans(read("markup.toml"), {"width": 4}), ["numpy"], "cpu")
    console = Console(force_terminal=True, width=100)
    with Bars(console, jobs) as bars:
        bars.start("numpy", jobs)
        bars.progress("numpy", jobs[0], 1)
        bars.bars.refresh()
        bars.ended("numpy", jobs[0], "crashed [/nope]")
    assert "a [/nope] b" in capsys.readouterr().out
