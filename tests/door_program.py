"""The wheel, installed beside another project, and its programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


INSIDE = ("common", "backends", "experiments")


SOURCES = ("isograd", *INSIDE, "pyproject.toml", "setup.py", "README.md", "LICENSE")


Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built of a copy of the sources."""
    folder = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    built = [
        "wheel",
        ".",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--quiet",
        "--wheel-dir",
        "dist",
    ]
    subprocess.run([sys.executable, "-m", "pip", *built], cwd=folder, check=True, env=plain())
    return next((folder / "dist").glob("*.whl"))


def plain(**more: str) -> dict[str, str]:
    """The environment without what the tests have set."""
    return {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "XLA_FLAGS")
    } | more


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and nothing else; the packages that it needs are borrowed from
    this one.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    python = folder / "bin" / "python"
    install = ["--python", str(python), "install", "--no-deps", "--no-index", "--quiet", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, env=plain())
    site = next(folder.glob("lib/python*/site-packages"))
    assert {path.name for path in site.iterdir()} == {"isograd", "isograd-0.1.0.dist-info"}
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a `common`, `backends`, `experiments` and `tests` of its own."""
    return Path(
        shutil.copytree(ROOT / "tests" / "door", tmp_path_factory.mktemp("user") / "project")
    )


@pytest.fixture(scope="module")
def program(installed: Path, project: Path) -> Program:
    """A program of that environment, run in the project."""

    def run(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        line = [str(installed / name), *arguments]
        return subprocess.run(
            line, cwd=project, env=plain(**environment), capture_output=True, text=True, check=False
        )

    return run
