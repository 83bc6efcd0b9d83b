"""The laws of the house: who imports what, in the sources and in a fresh interpreter, and one
Keras.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import backends
from tests.conftest import load

ROOT = Path(__file__).parents[1]
FRAMEWORK_MODULES = ["torch", "tensorflow", "keras", "jax", "flax", "optax"]


def fresh(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter at the project's root."""
    variables = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"} | environment
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_the_import_law_is_kept() -> None:
    found = lint_imports(ROOT)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("backends/jax/clipping.py", "import torch"),
        ("common/quantities.py", "import jax"),
        ("experiments/store.py", "import tensorflow"),
        ("backends/torch/network.py", "import backends.keras.network"),
        ("common/draw.py", "import experiments.store"),
        ("isograd/jobs.py", "import experiments.entry"),
        ("isograd/inside.py", "import torch"),
    ],
)
def test_a_planted_import_breaks_the_law(tmp_path: Path, file: str, line: str) -> None:
    for folder in ("backends", "common", "experiments", "isograd"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / file).write_text((tmp_path / file).read_text() + f"\n{line}\n")
    found = lint_imports(tmp_path)
    assert found.returncode == 1
    assert "BROKEN" in found.stdout


def loaded_frameworks(code: str) -> str:
    """The frameworks in a fresh interpreter's modules after the code."""
    return fresh(
        f"{code}\nimport sys\nprint(*[m for m in {FRAMEWORK_MODULES} if m in sys.modules])"
    ).stdout.strip()


@pytest.mark.parametrize(
    "module",
    ["backends", "backends.numpy", "experiments.findings.configuration", "common.draw",
        "experiments.compare",
     "experiments.migrate", "experiments.differences", "experiments.convert", "experiments.claims",
     "experiments.claiming.measuring",
     "experiments.index", "experiments.loading", "experiments.devices", "experiments.flags",
     "experiments.report.terminal", "experiments.report.outputs", "experiments.report.figures",
     "experiments.runner", "experiments.store", "experiments.worker", "experiments.connection"],
)  # fmt: skip
def test_no_framework_is_loaded_outside_the_wings(module: str) -> None:
    assert loaded_frameworks(f"import {module}") == ""


def test_the_check_for_loaded_frameworks_sees_one(request: pytest.FixtureRequest) -> None:
    load("jax", request.config)
    assert loaded_frameworks("import optax") == "jax optax"


def test_the_keras_wing_refuses_another_backend(request: pytest.FixtureRequest) -> None:
    load("keras", request.config)
    load("jax", request.config)
    found = fresh("import backends; backends.load('keras')", KERAS_BACKEND="jax")
    assert found.returncode != 0
    assert (
        "the Keras wing is Keras on TensorFlow; received KERAS_BACKEND=jax; set "
        "KERAS_BACKEND=tensorflow"
    ) in found.stderr


def test_the_keras_wing_takes_tensorflow_where_nothing_is_said(
    request: pytest.FixtureRequest,
) -> None:
    load("keras", request.config)
    found = fresh(
        "import backends; backends.load('keras'); import keras; print(keras.config.backend())"
    )
    assert found.stdout.strip() == "tensorflow", found.stderr


CAPTURES = [ROOT / "backends" / wing / "capture" for wing in backends.FRAMEWORKS]


def imported(source: str) -> set[str]:
    """The packages that a file imports; those of its own folder, by a relative import, left out."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
    return found


@pytest.mark.parametrize("folder", CAPTURES, ids=lambda folder: folder.parent.name)
def test_a_capture_imports_nothing_of_ours(folder: Path) -> None:
    theirs = {*sys.stdlib_module_names, "numpy", *backends.NEEDS[folder.parent.name]}
    for file in folder.glob("*.py"):
        assert imported(file.read_text()) <= theirs, file.name


@pytest.mark.parametrize("wing", backends.FRAMEWORKS)
def test_what_checks_a_function_in_somebodys_tests_imports_nothing_of_ours(wing: str) -> None:
    source = (ROOT / "backends" / wing / "vjp.py").read_text()
    assert imported(source) <= {*sys.stdlib_module_names, "numpy", *backends.NEEDS[wing]}


@pytest.mark.parametrize("name", ["inside", "server", "opened", "loading", "samples", "npz"])
def test_what_runs_in_somebodys_interpreter_imports_nothing_of_ours(name: str) -> None:
    assert imported((ROOT / "isograd" / f"{name}.py").read_text()) <= {
        *sys.stdlib_module_names,
        "numpy",
    }


def test_the_check_of_imports_sees_ours() -> None:
    assert imported(
        "from .known import layer\nimport common.task\nfrom isograd import captured"
    ) == {"common", "isograd"}
