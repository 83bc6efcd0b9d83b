"""The command that diagnoses: its answer, its mistakes, and what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import load

ROOT = Path(__file__).parents[1]


EXAMPLES = ROOT / "docs" / "examples"


def command(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "experiments.diagnose", *words]
    return subprocess.run(
        program, cwd=cwd, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )


def test_the_command_prints_the_answer_and_leaves_nothing_behind(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    load("torch", request.config)
    text = (
        EXAMPLES / "deep_torch.py"
    ).read_text() + "\nprint('what a model prints is no answer')\n"
    (tmp_path / "mine.py").write_text(text)
    done = command("torch=mine.py", "--json", "-", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["gradient"]["verdict"], len(found["sites"]), found["precision"]) == (
        "vanishing",
        20,
        "float32",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "a model must be given as BACKEND=FILE.py; received none"),
        (
            ["mine.py"],
            (
                "a model must be given as BACKEND=FILE.py; received 'mine.py'; write "
                "torch=mine.py, for example"
            ),
        ),
        (["pytorch=mine.py"], "torch is torch here"),
        (["torch=yours.py"], "a model's file must be there; received 'yours.py'; check the path"),
        (["torch=mine.py", "--steps", "-1"], "--steps must not be negative; received -1"),
        (["torch=mine.py", "--python", "torch"], "--python must be BACKEND=PATH; received 'torch'"),
        (["torch=mine.py", "--json", "no/such/file"], "--json must be a file that can be written"),
        (["mine.capture"], "not a capture, or a damaged one"),
    ],
)
def test_a_mistake_of_the_command_line_ends_with_status_2(
    words: list[str], sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("def model(): pass")
    (tmp_path / "mine.capture").write_bytes(b"PK nothing")
    done = command(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr
