"""A report outlives the reader of its standard output: pipes, closed, full and ASCII streams, in
all commands.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import index
from experiments.experiment import name_of_file
from experiments.report.outputs import page_of
from experiments.store import Store
from experiments.streams import Outlet
from experiments.versions import ROOT
from tests.comparing import TINY

FULL = "error: standard output could not take the report: No space left on device\n"


def shell(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A line of Bash in a folder; `isograd NAME` is a command of this project."""
    function = (
        f'isograd() {{ local name=$1; shift; "{sys.executable}" -m "experiments.$name" "$@"; }}; '
    )
    env = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    bash = ["bash", "-c", f"{function}{line}"]
    return subprocess.run(
        bash, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def own(folder: Path) -> str:
    """The arguments of a small experiment of one configuration."""
    (folder / "one.toml").write_text('question = "?"\n[[configuration]]\n')
    return " ".join(("one.toml", *TINY))


def page_in(folder: Path) -> Path:
    """The page of that experiment."""
    return page_of(folder / "results", name_of_file(str(folder / "one.toml")))


def outlet(descriptor: int, encoding: str = "utf-8") -> tuple[Outlet, io.TextIOWrapper]:
    raw = Outlet(descriptor)
    return raw, io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors="replace")


def test_a_stream_without_a_reader_takes_everything_and_remembers_why() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    raw, stream = outlet(writing)
    stream.write("a" * 100_000)
    stream.flush()
    stream.write("and more")
    stream.close()
    assert isinstance(raw.error, BrokenPipeError)
    os.close(writing)


def test_a_pipe_that_does_not_block_loses_nothing() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    reader = subprocess.Popen(
        ["sh", "-c", "sleep 0.2; wc -c"], stdin=reading, stdout=subprocess.PIPE
    )
    os.close(reading)
    raw, stream = outlet(writing)
    stream.write("a" * 300_000)  # a pipe holds 65,536
    stream.flush()
    os.close(writing)
    assert raw.error is None
    assert reader.communicate(timeout=20)[0] == b"300000\n"


def test_a_character_that_an_encoding_lacks_is_a_question_mark() -> None:
    reading, writing = os.pipe()
    _, stream = outlet(writing, "ascii")
    stream.write("2.31 → 1.34 \udc80")
    stream.flush()
    assert os.read(reading, 99) == b"2.31 ? 1.34 ?"
    os.close(reading)
    os.close(writing)


def test_a_reader_that_goes_away_costs_no_file(tmp_path: Path) -> None:
    done = shell(
        f"isograd compare {own(tmp_path)} --json - | head -c 1; echo; echo ${{PIPESTATUS[0]}}",
        tmp_path,
    )
    assert done.stdout == "{\n0\n"
    assert re.fullmatch(r"1 run on numpy: .*\n(?: *\d+ %: .*\n)+", done.stderr)
    assert len(list((tmp_path / "results").glob("*.parquet"))) >= 1
    assert page_in(tmp_path).read_text().endswith("</html>")
    assert index.path_of(
        Store(tmp_path / "results"), name_of_file(str(tmp_path / "one.toml"))
    ).exists()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which an experiment was run."""
    folder = tmp_path_factory.mktemp("streams")
    assert shell(f"isograd compare {own(folder)}", folder).returncode == 0
    return folder


@pytest.mark.parametrize(
    ("line", "status", "err"),
    [
        ("isograd compare {own} > /dev/full", 1, FULL),
        ("isograd compare {own} >&- 2>&- <&-", 0, ""),
        ("isograd report | true; exit ${{PIPESTATUS[0]}}", 0, ""),
        ("isograd report > /dev/full", 1, FULL),
        ("isograd migrate > /dev/full", 1, FULL),
        ("isograd migrate activation | true; exit ${{PIPESTATUS[0]}}", 0, ""),
        ("isograd bench --help > /dev/full", 1, FULL),
        ("isograd compare --list >&-", 0, ""),
        ("isograd compare --list 2>&1 | true; exit ${{PIPESTATUS[0]}}", 0, ""),
        ("isograd compare nonsense 2>&-", 2, ""),
        ("isograd compare nonsense 2> /dev/full", 2, ""),
    ],
)
def test_a_stream_that_takes_nothing_is_a_quiet_end_or_one_line(
    kept: Path, line: str, status: int, err: str
) -> None:
    page = page_in(kept)
    before = page.stat().st_mtime_ns
    done = shell(line.format(own=own(kept)), kept)
    assert (done.returncode, done.stderr) == (status, err)
    if "report" in line or "own" in line:
        assert page.stat().st_mtime_ns > before, "the page was not written"


def test_an_ascii_terminal_gets_the_whole_report_and_a_program_the_whole_json(kept: Path) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    shown = shell(f"isograd compare {own(kept)}", kept, **ascii_only)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "\nNo framework was compared with the definition.\n" in shown.stdout
    assert shown.stdout.splitlines()[-1].endswith("docs/README.md")
    assert shown.stdout.isascii()
