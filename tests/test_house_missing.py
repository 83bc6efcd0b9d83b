"""A wing that is missing: named with its cure, a visible skip, or an error."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import backends

ROOT = Path(__file__).parents[1]


def test_a_wing_that_is_missing_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda package: None)
    with pytest.raises(
        backends.UserError,
        match=r"needs jax, flax, optax; install with: pip install -c constraints.txt",
    ):
        backends.load("jax")


def test_a_misspelt_wing_gets_the_nearest_name() -> None:
    with pytest.raises(
        backends.UserError, match="no backend is called 'troch'; did you mean 'torch'"
    ):
        backends.load("troch")


SUITE = """
def test_needs_a_wing(backend):
    assert backend.name
"""


@pytest.mark.parametrize(
    ("option", "outcome"),
    [([], "1 skipped"), (["--require", "torch"], "1 error")],
    ids=["skip", "require"],
)
def test_a_missing_wing_is_a_visible_skip_and_with_require_an_error(
    tmp_path: Path, option: list[str], outcome: str
) -> None:
    shutil.copytree(
        ROOT / "tests",
        tmp_path / "tests",
        ignore=shutil.ignore_patterns("__pycache__", "test_*.py"),
    )
    for folder in ("backends", "common", "experiments", "isograd"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    for file in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / file, tmp_path)
    needs = (
        (tmp_path / "backends" / "__init__.py")
        .read_text()
        .replace('("torch",)', '("a_torch_that_is_absent",)')
    )
    (tmp_path / "backends" / "__init__.py").write_text(needs)
    (tmp_path / "tests" / "test_one.py").write_text(SUITE)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rs",
        "-p",
        "no:cacheprovider",
        "-k",
        "torch",
        *option,
        "tests/test_one.py",
    ]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert outcome in found.stdout
    assert 'pip install -c constraints.txt -e ".[torch]"' in found.stdout + found.stderr
