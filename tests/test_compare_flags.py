"""What `compare` is asked for: flags, backends that are missing, help and the list, and each
mistake in one line.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import backends
from common.errors import UserError
from experiments.compare import run
from experiments.comparing import choice
from experiments.comparing.choice import choose
from experiments.comparing.options import Options
from experiments.experiment import catalogue, read, settings
from experiments.flags import flags_of
from experiments.listing import seconds
from tests.comparing import command


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("deph",), "did you mean 'depth'?"),
        (("--backends", "troch"), "did you mean 'torch'?"),
        (("--device", "gqu"), "--device must be cpu, gpu or tpu"),
        (("--depth", "0"), "--depth must be greater than or equal to 1; received 0"),
        (("--data", "nowhere.npz"), "nowhere.npz: No such file"),
        (("--backends", "numpy", "--output", "/dev/null"), "--output must be a folder"),
        (
            ("--backends", "numpy", "--device", "gpu"),
            "received 'gpu', but numpy has cpu:0; leave it out",
        ),
        (("--seeds", "0"), "--seeds must be greater than or equal to 1; received 0"),
        (("--steps", "0"), "--steps must be greater than or equal to 1; received 0"),
        (
            ("--batch-size", "1438"),
            "received batch size 1438 for 1437 training samples of digits; lower --batch-size",
        ),
        (("--learning-rate", "0"), "--learning-rate must be greater than 0; received 0"),
        (("--learning-rate", "-1"), "--learning-rate must be greater than 0; received -1"),
        (("--learning-rate", "inf"), "--learning-rate must be a finite number; received inf"),
        (("--learning-rate", "nan"), "--learning-rate must be a finite number; received nan"),
        (("--learning-rate", "true"), "--learning-rate must be a number; received 'true'"),
        (("--depth", "1.5"), "--depth must be a whole number; received '1.5'"),
        (("--depth",), "--depth must be followed by a whole number; received nothing"),
        (("--depth", "--fresh"), "--depth must be followed by a whole number; received nothing"),
        (("--batch_size=many",), "--batch-size must be a whole number; received 'many'"),
        (
            ("--precision", "float46"),
            "--precision must be float32|float64; received 'float46'; did you mean 'float64'?",
        ),
        (("--dept", "3"), "no flag is called '--dept'; did you mean '--depth'?"),
        (("--dept=3",), "no flag is called '--dept'; did you mean '--depth'?"),
        (("--gelu", "3"), "no flag is called '--gelu'; known: --backends, --batch-size"),
        (("--lr", "3"), "no flag is called '--lr'; lr is learning_rate here"),
        (("depth", "activations"), "a value must follow its flag; received 'activations' besides"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_users_mistake_is_one_line_and_status_2(
    arguments: tuple[str, ...], expected: str
) -> None:
    result = command(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert expected in result.stderr


FLAGS = {
    "compare": "--depth", "report": "--figures", "migrate": "--write", "convert": "--like",
    "bench": "--quick",
    "claims": "--write", "differences": "--measure",
}  # fmt: skip


@pytest.mark.parametrize("module", FLAGS)
def test_a_misspelt_flag_is_one_line_with_the_nearest_one_of_every_command(module: str) -> None:
    flag = FLAGS[module]
    line = [sys.executable, "-m", f"experiments.{module}", flag[:-1]]
    found = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == f"error: no flag is called {flag[:-1]!r}; did you mean {flag!r}?\n"


def test_every_flag_is_known_by_the_name_that_it_has_in_the_help() -> None:
    shown = command("--help").stdout
    assert flags_of(Options)
    for flag, metavar in flags_of(Options).items():
        assert f"{flag} {metavar}".strip() in shown


def test_a_missing_backend_is_left_out_with_its_install_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "missing", lambda name: ["jax"] if name == "jax" else [])
    assert choose(None) == (["numpy", "torch", "keras"], ["jax"])


def test_a_missing_backend_asked_for_by_name_is_the_users_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "missing", lambda name: ["jax"] if name == "jax" else [])
    with pytest.raises(UserError) as caught:
        choose(["numpy", "jax"])
    assert (
        str(caught.value)
        == f"--backends: jax needs jax; install with: {backends.install_command('jax')}"
    )


def test_a_missing_backend_is_a_row_with_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(choice, "missing", lambda name: [] if name == "numpy" else [name])
    own = tmp_path / "one.toml"
    own.write_text('question = "?"\n[[configuration]]\n')
    options = Options(str(own), depth=4, width=8, steps=2, batch_size=16, output=tmp_path / "runs")
    assert run(options, "command") == 0
    cure = f"torch: missing: not installed; install with: {backends.install_command('torch')}"
    assert cure in " ".join(capsys.readouterr().out.split("Answer")[1].split())


def test_backends_may_be_written_with_commas_and_the_definition_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "missing", lambda _: [])
    assert choose(["jax,torch", "numpy"])[0] == ["numpy", "torch", "jax"]


@pytest.mark.parametrize("flag", ["--help", "--list"])
def test_help_and_list_import_no_framework_and_nothing_slow(flag: str) -> None:
    code = (
        "import sys; from experiments.compare import main\n"
        "try: main()\nexcept SystemExit as end: status = end.code\n"
        "slow = {'torch', 'tensorflow', 'keras', 'jax', 'flax', 'optax', 'polars', 'sklearn', "
        "'scipy'}\n"
        "slow = (slow | {'altair', 'vl_convert', 'jinja2'}) & sys.modules.keys()\n"
        "print(status, sorted(slow), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, flag], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stderr.splitlines()[-1] == "0 []"
    assert "countermeasures" in result.stdout


def test_the_list_has_sizes_and_counts_what_the_flags_change() -> None:
    result = command("--list", "--backends", "numpy,torch", "--seeds", "7", "--steps", "1000")
    text = " ".join(result.stdout.split())
    assert (
        "countermeasures: 15 configurations, 7 seeds, 1,000 steps; 30 runs on numpy, torch: about "
        in text
    )
    assert all(f"{name}: " in text for name in catalogue())
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_longer_experiment_is_said_to_take_longer() -> None:
    short, long = (settings(read("countermeasures"), {"steps": steps}) for steps in (10, 10_000))
    assert seconds(long, 4) > 100 * seconds(short, 4) / 10
