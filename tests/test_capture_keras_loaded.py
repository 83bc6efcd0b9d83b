"""The capture of Keras in a process of somebody else's: loaded by its path, with nothing of ours,
on TensorFlow only.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from tests.keras_cases import Wing, wing

__all__ = ["wing"]

FOLDER = Path(__file__).parents[1] / "backends" / "keras" / "capture"


def test_another_backend_of_keras_is_refused_in_one_line():
    code = f"import runpy; runpy.run_path({str(FOLDER / '__init__.py')!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (
        done.stderr.strip().splitlines()[-1]
        == "ValueError: capture needs KERAS_BACKEND=tensorflow; received jax"
    )


def test_it_is_loaded_by_its_path_and_imports_nothing_of_ours(wing: Wing):
    spec = importlib.util.spec_from_file_location(
        "elsewhere", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["elsewhere"] = package
    spec.loader.exec_module(package)
    given = wing.models.perceptron()
    assert len(
        package.subject(given.model, given.x, given.y).capture(values=True)["places"]
    ) == len(given.places)
    assert not imported() - {*sys.stdlib_module_names, "keras", "numpy", "tensorflow"}


def imported() -> set[str]:
    """The packages that its files import by name."""
    nodes = [node for file in FOLDER.glob("*.py") for node in ast.walk(ast.parse(file.read_text()))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [
        str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and not node.level
    ]
    return {name.split(".")[0] for name in names}
