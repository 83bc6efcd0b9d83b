from __future__ import annotations

import json
import re
import shlex
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
from experiments.experiment import catalogue, name_of_file, read, settings
from experiments.findings.document import Document
from experiments.flags import flags_of
from experiments.listing import seconds

TINY = ("--depth", "4", "--width", "8", "--steps", "3", "--batch-size", "16", "--seeds", "2", "--backends", "numpy")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "experiments.compare", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("compare")
    return folder, command("normalization", *TINY, "--output", str(folder / "runs"), "--json", str(folder / "findings.json"))


Done = tuple[Path, subprocess.CompletedProcess[str]]


def test_the_report_begins_with_the_question_and_ends_with_the_answer(done: Done) -> None:
    lines = done[1].stdout.splitlines()
    assert done[1].returncode == 0, done[1].stderr
    page = done[0] / "runs" / "normalization.html"
    assert page.stat().st_size < 6e6
    text = " ".join(done[1].stdout.split())
    asked = " ".join(read("normalization").question.split())
    assert text.startswith(f"{asked} Answer 4 hidden layers"), "tables are shown that nobody asked for"
    more = f"Page: {page}; tables: --full; how to read it: docs/how-to-read.md; all documents: docs/README.md"
    assert text.endswith(f"No framework was compared with the definition. {more}")
    assert sum(int(line.split(": ")[-1].split()[0]) for line in lines if line.endswith(" of 24")) == 24


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
    assert [re.sub(r"-[0-9a-f]{8}(?=\.html)", "", page.name) for page in pages] == ["one.html", "report.html", "two.html"]
    assert "<title>one?</title>" in pages[0].read_text(encoding="utf-8")
    assert [f'href="{pages[at].name}"' in pages[1].read_text(encoding="utf-8") for at in (0, 2)] == [True, True]


def test_the_answer_of_a_single_network_names_a_command_that_works(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(
        'question = "?"\n[[configuration]]\nactivation = "sigmoid"\ninitialization = { kind = "gaussian", std = 1e-3 }\n'
    )
    first = command(str(own), *TINY, "--output", str(tmp_path / "runs"))
    (asked,) = re.findall(r"What to try: python -m experiments.compare (.*? --try) runs", " ".join(first.stdout.split()))
    again = command(*shlex.split(asked))
    assert again.returncode == 0, again.stderr
    assert "tanh + gaussian (std 0.001)" in again.stdout
    assert "A single change that " in again.stdout
    assert "What to try" not in again.stdout


def test_the_answer_is_printed_although_the_page_cannot_be_written(tmp_path: Path) -> None:
    own = tmp_path / "one.toml"
    own.write_text('question = "?"\n[[configuration]]\n')
    line = [sys.executable, "-m", "experiments.compare", str(own), *TINY, "--output", str(tmp_path / "runs")]
    small = ["bash", "-c", 'ulimit -f 512; exec "$@"', "-", *line]  # KiB: room for the runs, and not for the page
    result = subprocess.run(small, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    path = tmp_path / "runs" / f"{name_of_file(str(own))}.html"
    assert result.stderr.splitlines()[-1] == f"error: the page {path} could not be written: File too large"
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
        'question = "?"\n[[configuration]]\nactivation = "relu"\ninitialization = { kind = "gaussian", std = 1e80 }\n'
    )
    result = command(str(own), *TINY, "--output", str(tmp_path / "runs"))
    assert result.returncode == 1
    assert "; not finite from step 0 on, first at layer 4, seed 0" in " ".join(result.stdout.split())
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("deph",), "did you mean 'depth'?"),
        (("--backends", "troch"), "did you mean 'torch'?"),
        (("--device", "gqu"), "--device must be cpu, gpu or tpu"),
        (("--depth", "0"), "--depth must be greater than or equal to 1; received 0"),
        (("--data", "nowhere.npz"), "nowhere.npz: No such file"),
        (("--backends", "numpy", "--output", "/dev/null"), "--output must be a folder"),
        (("--backends", "numpy", "--device", "gpu"), "received 'gpu', but numpy has cpu:0; leave it out"),
        (("--seeds", "0"), "--seeds must be greater than or equal to 1; received 0"),
        (("--steps", "0"), "--steps must be greater than or equal to 1; received 0"),
        (("--batch-size", "1438"), "received batch size 1438 for 1437 training samples of digits; lower --batch-size"),
        (("--learning-rate", "0"), "--learning-rate must be greater than 0; received 0"),
        (("--learning-rate", "-1"), "--learning-rate must be greater than 0; received -1"),
        (("--learning-rate", "inf"), "--learning-rate must be a finite number; received inf"),
        (("--learning-rate", "nan"), "--learning-rate must be a finite number; received nan"),
        (("--learning-rate", "true"), "--learning-rate must be a number; received 'true'"),
        (("--depth", "1.5"), "--depth must be a whole number; received '1.5'"),
        (("--depth",), "--depth must be followed by a whole number; received nothing"),
        (("--depth", "--fresh"), "--depth must be followed by a whole number; received nothing"),
        (("--batch_size=many",), "--batch-size must be a whole number; received 'many'"),
        (("--precision", "float46"), "--precision must be float32|float64; received 'float46'; did you mean 'float64'?"),
        (("--dept", "3"), "no flag is called '--dept'; did you mean '--depth'?"),
        (("--dept=3",), "no flag is called '--dept'; did you mean '--depth'?"),
        (("--gelu", "3"), "no flag is called '--gelu'; known: --backends, --batch-size"),
        (("--lr", "3"), "no flag is called '--lr'; lr is learning_rate here"),
        (("depth", "activations"), "a value must follow its flag; received 'activations' besides"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_users_mistake_is_one_line_and_status_2(arguments: tuple[str, ...], expected: str) -> None:
    result = command(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert expected in result.stderr


FLAGS = {
    "compare": "--depth", "report": "--figures", "migrate": "--write", "convert": "--like", "bench": "--quick",
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


def test_a_missing_backend_is_left_out_with_its_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "missing", lambda name: ["jax"] if name == "jax" else [])
    assert choose(None) == (["numpy", "torch", "keras"], ["jax"])


def test_a_missing_backend_asked_for_by_name_is_the_users_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "missing", lambda name: ["jax"] if name == "jax" else [])
    with pytest.raises(UserError) as caught:
        choose(["numpy", "jax"])
    assert str(caught.value) == f"--backends: jax needs jax; install with: {backends.install_command('jax')}"


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


def test_backends_may_be_written_with_commas_and_the_definition_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "missing", lambda _: [])
    assert choose(["jax,torch", "numpy"])[0] == ["numpy", "torch", "jax"]


@pytest.mark.parametrize("flag", ["--help", "--list"])
def test_help_and_list_import_no_framework_and_nothing_slow(flag: str) -> None:
    code = (
        "import sys; from experiments.compare import main\n"
        "try: main()\nexcept SystemExit as end: status = end.code\n"
        "slow = {'torch', 'tensorflow', 'keras', 'jax', 'flax', 'optax', 'polars', 'sklearn', 'scipy'}\n"
        "slow = (slow | {'altair', 'vl_convert', 'jinja2'}) & sys.modules.keys()\n"
        "print(status, sorted(slow), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code, flag], capture_output=True, text=True, timeout=60, check=False)
    assert result.stderr.splitlines()[-1] == "0 []"
    assert "countermeasures" in result.stdout


def test_the_list_has_sizes_and_counts_what_the_flags_change() -> None:
    result = command("--list", "--backends", "numpy,torch", "--seeds", "7", "--steps", "1000")
    text = " ".join(result.stdout.split())
    assert "countermeasures: 15 configurations, 7 seeds, 1,000 steps; 30 runs on numpy, torch: about " in text
    assert all(f"{name}: " in text for name in catalogue())
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_longer_experiment_is_said_to_take_longer() -> None:
    short, long = (settings(read("countermeasures"), {"steps": steps}) for steps in (10, 10_000))
    assert seconds(long, 4) > 100 * seconds(short, 4) / 10
