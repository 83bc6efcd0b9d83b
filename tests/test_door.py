"""The door for other projects: a wheel, used from one that has a `common`, `backends`,
`experiments` and `tests` of its own.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from backends import FRAMEWORKS
from isograd.jobs import JOBS
from tests.conftest import load
from tests.door_program import INSIDE, ROOT, Program, installed, program, project, wheel

__all__ = ["installed", "program", "project", "wheel"]


def test_all_that_the_jobs_need_lies_below_isograd(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"isograd/{path.relative_to(ROOT).as_posix()}" for path in needed()}
    assert wanted <= names
    assert {name.partition("/")[0] for name in names} == {"isograd", "isograd-0.1.0.dist-info"}


def needed() -> list[Path]:
    """The packages' modules, and what else lies beside them."""
    every = [path for name in INSIDE for path in (ROOT / name).rglob("*") if path.is_file()]
    return [path for path in every if path.suffix != ".pyc" and "peers" not in path.parts]


def test_the_console_script_runs_the_jobs_and_not_the_projects_packages(program: Program) -> None:
    assert program("isograd", "--version").stdout == "isograd 0.1.0\n"
    assert program("isograd", "--help").stdout.startswith("usage: isograd JOB")
    assert program("isograd", "diagnose", "--help", PYTHONPATH=".").stdout.startswith(
        "usage: isograd diagnose"
    )
    listed = program("isograd", "compare", "--list", "--backends", "numpy", PYTHONPATH=".")
    assert listed.stdout.startswith("countermeasures: "), listed.stderr
    assert "GELU" in program("isograd", "migrate", "activation").stdout


def test_a_mistake_is_one_line_and_exit_status_2(program: Program) -> None:
    unknown = program("isograd", "diagnos")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr == (
        f"error: a job must be {', '.join(JOBS)}; received 'diagnos'; isograd --help says more\n"
    )
    writing = program("isograd", "migrate", "--write")
    assert (writing.returncode, "clone" in writing.stderr) == (2, True)


def test_an_experiment_runs_where_it_is_installed(program: Program, project: Path) -> None:
    numbers = [
        "--depth",
        "3",
        "--width",
        "4",
        "--steps",
        "1",
        "--seeds",
        "1",
        "--backends",
        "numpy",
    ]
    found = program("isograd", "compare", "clipping", *numbers, "--json", "found.json")
    assert found.returncode == 0, found.stderr
    assert json.loads((project / "found.json").read_text())["command"].startswith(
        "isograd compare clipping --depth 3"
    )
    assert (project / "results" / "clipping.html").is_file()


def test_a_program_asks_isograd_and_keeps_its_own_packages(
    program: Program, project: Path, request: pytest.FixtureRequest
) -> None:
    load("torch", request.config)
    run = program("python", "program.py")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["theirs"] == ["the project", "the project", 6]
    assert found["file"] == [True, None, 1, 2]
    ok, losses, same, head = found["live"]
    assert (ok, losses, same) == (True, 2, True)
    assert "(torch): 1 layer, 51 parameters; batch 16, float32" in head
    assert "isograd.diagnose(Sequential(...), batch=(x, y))" in (project / "live.html").read_text(
        encoding="utf-8"
    )
    assert found["mistakes"][0] == "no flag is called '--stepps'; did you mean '--steps'?"
    assert found["mistakes"][1].endswith("received int")


@pytest.fixture(scope="module")
def outcome(program: Program) -> str:
    """What the project's tests say, with PyTorch."""
    return program(
        "python", "-m", "pytest", "-rA", "-k", "not keras and not jax", "--isograd-save", "saved"
    ).stdout


@pytest.mark.parametrize(
    "name",
    ["a_right_function[torch]", "a_live_model[torch]", "a_right_port", "the_same_again_is_known"],
)
def test_the_plugin_lets_pass_what_agrees(outcome: str, name: str) -> None:
    assert f"PASSED tests/test_project.py::test_{name}" in outcome, outcome


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a_wrong_function[torch]", "the value is off by"),
        ("a_wrong_port", "the values part"),
        (
            "a_port_that_raises",
            "isograd.asking.Failed: port_torch.py: RuntimeError: no CUDA (port_torch.py, line 33)",
        ),
        ("a_file_that_is_not_there", "isograd.asking.Mistake: a model's file must be there"),
    ],
)
def test_the_plugin_fails_with_what_is_wrong(outcome: str, name: str, said: str) -> None:
    assert f"FAILED tests/test_project.py::test_{name}" in outcome
    assert said in outcome


def test_a_port_that_parts_fails_with_the_text_of_port_and_keeps_its_tensors(
    outcome: str, project: Path
) -> None:
    assert "Activation: tanh in the reference, relu in the port." in outcome
    assert "<-- parts here" in outcome
    kept = {path.name for path in (project / "saved").iterdir()}
    files = ("a_wrong_function_torch_.npz", "a_wrong_port.npz", "a_wrong_port.html")
    assert kept == {f"tests_test_project.py_test_{name}" for name in files}
    page = (project / "saved" / "tests_test_project.py_test_a_wrong_port.html").read_text(
        encoding="utf-8"
    )
    assert "Activation: tanh in the reference, relu in the port." in page


ABSENT = "import isograd.plugin\n\nisograd.plugin.NEEDS['jax'] = ('a_package_that_is_absent',)\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], 'jax needs a_package_that_is_absent; install with: pip install "isograd[jax]"'),
        (
            ["--isograd-require", "torch,jax"],
            "--isograd-require jax: jax needs a_package_that_is_absent",
        ),
        (
            ["--isograd-require", "jaxx"],
            "--isograd-require takes torch, keras, jax or all; received jaxx",
        ),
    ],
)
def test_an_absent_framework_is_a_visible_skip_and_with_require_an_error(
    program: Program, project: Path, options: list[str], said: str
) -> None:
    (project / "conftest.py").write_text(ABSENT)
    found = program("python", "-m", "pytest", "-rs", "-k", "right_function and jax", *options)
    (project / "conftest.py").unlink()
    assert said in found.stdout + found.stderr
    assert found.returncode == (0 if not options else 1 if "jaxx" not in options else 4)


def test_the_plugin_loads_no_framework(program: Program) -> None:
    heavy = ("torch", "tensorflow", "keras", "jax", "numpy", "polars")
    code = f"import sys, isograd.plugin; print([name for name in {heavy} if name in sys.modules])"
    assert program("python", "-c", code).stdout == "[]\n"


@pytest.mark.parametrize("backend", FRAMEWORKS[1:])
def test_functions_are_checked_and_live_models_diagnosed_in_every_framework(
    program: Program, backend: str, request: pytest.FixtureRequest
) -> None:
    load(backend, request.config)
    found = program("python", "-m", "pytest", "-rA", "-k", backend, "--isograd-require", "all")
    for name in ("a_right_function", "a_live_model"):
        assert f"PASSED tests/test_project.py::test_{name}[{backend}]" in found.stdout, found.stdout
    assert f"FAILED tests/test_project.py::test_a_wrong_function[{backend}]" in found.stdout
