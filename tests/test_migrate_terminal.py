"""The migration pages in a terminal: side by side or as written, and any word leads to its room."""

from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest
from rich.console import Console

import backends
from experiments import migrate
from experiments.report import countermeasures, sources
from experiments.report.folding import fold
from tests.migrated import EACH_ROOM, ROOMS, WRITTEN

PACKAGES = {package for needs in backends.NEEDS.values() for package in needs} - {"numpy"}


def run(
    *arguments: str, columns: int | None = None, python: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """The command in a fresh interpreter, piped."""
    environment = {"PATH": "", "PYTHONIOENCODING": "utf-8"} | (
        {"COLUMNS": str(columns)} if columns else {}
    )
    command = [sys.executable, *(python or ("-m", "experiments.migrate")), *arguments]
    return subprocess.run(
        command, cwd=sources.ROOT, env=environment, capture_output=True, text=True, encoding="utf-8"
    )


def shown(room: str, width: int) -> str:
    """What a terminal of that width shows, without colours."""
    console = Console(file=io.StringIO(), width=width, height=50)
    migrate.show(console, countermeasures.read(room))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@EACH_ROOM
def test_a_wide_terminal_shows_the_builds_side_by_side(room: str) -> None:
    lines = shown(room, 170).splitlines()
    beside = [len(re.findall(r"def build\((?!self)", line)) for line in lines]
    assert list(filter(None, beside)) == [3]
    assert max(map(len, lines)) <= 170


@EACH_ROOM
@pytest.mark.parametrize("width", [80, 100, 149])
def test_a_narrow_terminal_shows_the_code_as_it_is_written(room: str, width: int) -> None:
    text = shown(room, width)
    for wing in countermeasures.read(room).wings:
        assert wing.code in text


@EACH_ROOM
def test_folding_keeps_every_word_and_fits_the_column(room: str) -> None:
    for wing in countermeasures.read(room).wings:
        folded = fold(wing.code, 53)
        assert all(len(line) <= 53 for line in folded.splitlines())
        assert sorted("".join(folded.replace("#", "").split())) == sorted(
            "".join(wing.code.replace("#", "").split())
        )


@EACH_ROOM
def test_the_command_imports_no_framework(room: str) -> None:
    program = (
        f"import sys; sys.argv = ['migrate', {room!r}]; from experiments.migrate import main; "
        f"main();print('loaded:', sorted({PACKAGES!r} & set(sys.modules)))"
    )
    finished = run(python=("-c", program))
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "loaded: []"


def test_what_is_piped_has_no_colours_and_all_parts() -> None:
    finished = run("clipping")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "\x1b" not in finished.stdout
    for part in (
        "Clipping: ",
        "Native names",
        "def build(",
        "What ships, and what differs",
        "PyTorch: ",
    ):
        assert part in finished.stdout


def test_the_printed_markdown_is_the_page() -> None:
    assert run("activation", "--markdown").stdout == WRITTEN["activation.md"]
    assert run("--markdown").stdout == WRITTEN["README.md"]


def test_without_a_room_the_rooms_are_listed() -> None:
    finished = run()
    assert finished.returncode == 0
    assert all(room in finished.stdout for room in ROOMS)


def test_a_word_that_nothing_is_called_by_gets_one_line_and_status_2() -> None:
    finished = run("zyzzyva")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith("error: no difference is about 'zyzzyva'; known: ")
    assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize(("word", "trap", "room"), [
    ("clipnorm", "global_clipnorm", "clipping"),
    ("torch.nn.GELU", "approximate", "activation"),
    ("activaton", "", "activation"),
    ("BatchNormalization", "momentum", "normalization"),
])  # fmt: skip
def test_any_framework_s_word_finds_its_trap_and_its_room(word: str, trap: str, room: str) -> None:
    finished = run(word)
    assert finished.returncode == 0, finished.stderr
    assert trap in finished.stdout
    assert finished.stdout.rstrip().endswith(f"python -m experiments.migrate {room}")
