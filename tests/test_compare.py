from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.experiment import name_of_file, read
from experiments.findings.document import Document
from tests.comparing import TINY, command


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("compare")
    return folder, command(
        "normalization",
        *TINY,
        "--output",
        str(folder / "runs"),
        "--json",
        str(folder / "findings.json"),
    )


Done = tuple[Path, subprocess.CompletedProcess[str]]


def test_the_report_begins_with_the_question_and_ends_with_the_answer(done: Done) -> None:
    lines = done[1].stdout.splitlines()
    assert done[1].returncode == 0, done[1].stderr
    page = done[0] / "runs" / "normalization.html"
    assert page.stat().st_size < 6e6
    text = " ".join(done[1].stdout.split())
    asked = " ".join(read("normalization").question.split())
    assert text.startswith(f"{asked} Answer 4 hidden layers"), (
        "tables are shown that nobody asked for"
    )
    more = (
        f"Page: {page}; tables: --full; how to read it: docs/how-to-read.md; all documents: "
        "docs/README.md"
    )
    assert text.endswith(f"No framework was compared with the definition. {more}")
    assert (
        sum(int(line.split(": ")[-1].split()[0]) for line in lines if line.endswith(" of 24")) == 24
    )


def test_full_prints_the_tables_before_the_same_answer(done: Done) -> None:
    full = command("normalization", *TINY, "--output", str(done[0] / "runs"), "--full")
    assert full.returncode == 0, full.stderr
    tables, answer = full.stdout.split("\nAnswer\n")
    assert [title for title in ("Verdicts", "Why", "Notes") if f"\n{title}\n" not in tables] == []
    shown = done[1].stdout.split("\nAnswer\n")[1]
    assert answer.split("\n\nPage: ")[0] == shown.split("\n\nPage: ")[0]
    assert "--full" not in answer


def test_piped_progress_is_a_few_plain_lines_on_standard_error(done: Done) -> None:
    lines = done[1].stderr.splitlines()
    assert 2 <= len(lines) <= 11
    assert lines[0] == "24 runs on numpy: under a minute"
    assert re.fullmatch(r"100 %: (\d+) of \1 runs, \d+:\d\d gone", lines[-1])
    assert "\x1b" not in done[1].stderr + done[1].stdout


def test_a_second_experiment_leaves_the_first_ones_page(tmp_path: Path) -> None:
    for name in ("one", "two"):
        own = tmp_path / f"{name}.toml"
        own.write_text(f'question = "{name}?"\n[[configuration]]\n')
        assert command(str(own), *TINY, "--output", str(tmp_path / "runs")).returncode == 0
    pages = sorted((tmp_path / "runs").glob("*.html"))
    assert [re.sub(r"-[0-9a-f]{8}(?=\.html)", "", page.name) for page in pages] == [
        "one.html",
        "report.html",
        "two.html",
    ]
    assert "<title>one?</title>" in pages[0].read_text(encoding="utf-8")
    assert [
        f'href="{pages[at].name}"' in pages[1].read_text(encoding="utf-8") for at in (0, 2)
    ] == [True, True]


def test_the_answer_of_a_single_network_names_a_command_that_works(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(
        'question = "?"\n[[configuration]]\nactivation = "sigmoid"\ninitialization = { kind = '
        '"gaussian", std = 1e-3 }\n'
    )
    first = command(str(own), *TINY, "--output", str(tmp_path / "runs"))
    (asked,) = re.findall(
        r"What to try: python -m experiments.compare (.*? --try) runs",
        " ".join(first.stdout.split()),
    )
    again = command(*shlex.split(asked))
    assert again.returncode == 0, again.stderr
    assert "tanh + gaussian (std 0.001)" in again.stdout
    assert "A single change that " in again.stdout
    assert "What to try" not in again.stdout


def test_the_answer_is_printed_although_the_page_cannot_be_written(tmp_path: Path) -> None:
    own = tmp_path / "one.toml"
    own.write_text('question = "?"\n[[configuration]]\n')
    line = [
        sys.executable,
        "-m",
        "experiments.compare",
        str(own),
        *TINY,
        "--output",
        str(tmp_path / "runs"),
    ]
    # KiB: room for the runs, and not for the page
    small = [
        "bash",
        "-c",
        'ulimit -f 512; exec "$@"',
        "-",
        *line,
    ]
    # Python would keep bytecode that was cut off at this size, too
    env = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(small, capture_output=True, text=True, timeout=60, check=False, env=env)
    assert result.returncode == 1
    path = tmp_path / "runs" / f"{name_of_file(str(own))}.html"
    assert (
        result.stderr.splitlines()[-1]
        == f"error: the page {path} could not be written: File too large"
    )
    assert "\nAnswer\n" in result.stdout
    assert not list((tmp_path / "runs").glob("*.part")), "a part of the page is left"


def test_the_json_is_the_model(done: Done) -> None:
    text = (done[0] / "findings.json").read_text()
    document = Document.model_validate_json(text)
    assert document.to_json() == text.strip()
    assert document.experiment == "normalization"
    assert document.command.startswith("python -m experiments.compare normalization --depth 4")
    assert len(document.configurations) == 24
    assert all(c.runs["numpy"].status == "finished" for c in document.configurations)
    assert document.configurations[0].parameters == 64 * 8 + 3 * 64 + 4 * 8 + 8 * 10 + 10


def test_a_second_call_runs_nothing_and_prints_only_json(done: Done) -> None:
    folder = done[0]
    before = {path: path.stat().st_mtime_ns for path in (folder / "runs").glob("*.parquet")}
    second = command("normalization", *TINY, "--output", str(folder / "runs"), "--json", "-")
    assert (second.returncode, second.stderr) == (0, "")
    assert {path: path.stat().st_mtime_ns for path in (folder / "runs").glob("*.parquet")} == before
    first = json.loads((folder / "findings.json").read_text())
    assert json.loads(second.stdout)["configurations"] == first["configurations"]


def test_fresh_and_damaged_runs_are_run_again(tmp_path: Path) -> None:
    own = tmp_path / "one.toml"
    own.write_text('question = "?"\n[[configuration]]\n')
    arguments = (str(own), *TINY, "--output", str(tmp_path / "runs"))
    assert command(*arguments).returncode == 0
    victim = sorted((tmp_path / "runs").glob("*.parquet"))[0]
    victim.write_bytes(b"nothing")
    again = command(*arguments)
    assert again.returncode == 0
    assert f"damaged: {victim} is set aside" in again.stderr
    assert "100 %: 1 of 1 runs" in again.stderr
    assert "100 %: 1 of 1 runs" in command(*arguments, "--fresh").stderr


def test_a_run_that_turns_non_finite_ends_with_status_1_and_its_reason(tmp_path: Path) -> None:
    own = tmp_path / "exploding.toml"
    own.write_text(
        'question = "?"\n[[configuration]]\nactivation = "relu"\ninitialization = { kind = '
        '"gaussian", std = 1e80 }\n'
    )
    result = command(str(own), *TINY, "--output", str(tmp_path / "runs"))
    assert result.returncode == 1
    assert "; not finite from step 0 on, first at layer 4, seed 0" in " ".join(
        result.stdout.split()
    )
    assert "Traceback" not in result.stderr
