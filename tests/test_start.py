"""Whether to port at all: the page's files run in an empty folder on each backend of Keras, and
agree.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backends import FRAMEWORKS
from experiments.report import guide
from tests.conftest import load

BACKENDS = ("tensorflow", "jax", "torch")


def files(page: str) -> dict[str, str]:
    """The code blocks of the page, by the name above each."""
    return dict(
        re.findall(r"^### (\S+\.py)\n\n```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    )


def run(folder: Path, file: str, backend: str | None = None) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "KERAS"))
    }
    environment |= {"KERAS_BACKEND": backend} if backend else {}
    line = [sys.executable, file]
    done = subprocess.run(
        line, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder, in which everything on the page was run."""
    for framework in FRAMEWORKS:
        load(framework, request.config)
    made = tmp_path_factory.mktemp("start")
    for name, code in files(guide.START).items():
        (made / name).write_text(code, encoding="utf-8")
    run(made, "model.py", "jax")  # saves the weights
    for backend in BACKENDS:
        run(made, f"gradients_{backend}.py")  # and loads them, and says the outputs too
    return made


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max() / np.abs(b).max())


def test_the_page_has_a_file_for_the_model_and_one_for_each_backend_s_gradients() -> None:
    assert set(files(guide.START)) == {
        "model.py",
        *(f"gradients_{backend}.py" for backend in BACKENDS),
    }


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_one_keras_model_has_the_same_outputs_as_on_jax(folder: Path, backend: str) -> None:
    on_jax, found = (np.load(folder / f"outputs_{name}.npy") for name in ("jax", backend))
    assert found.dtype == np.float32
    # float32: each backend adds in an order of its own
    assert apart(found, on_jax) < 1e-5


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_one_keras_model_has_the_same_gradients_as_on_jax(folder: Path, backend: str) -> None:
    on_jax, found = (np.load(folder / f"gradients_{name}.npz") for name in ("jax", backend))
    assert len(on_jax.files) == 8
    for name in on_jax.files:
        assert apart(found[name], on_jax[name]) < 1e-5, name


def test_without_the_weights_that_were_saved_the_backends_part(
    folder: Path, tmp_path: Path
) -> None:
    """One seed is another start on each backend, as the page says."""
    seeded = "import keras\nkeras.utils.set_random_seed(0)\n" + files(guide.START)["model.py"]
    for backend in ("jax", "torch"):
        (tmp_path / "model.py").write_text(seeded, encoding="utf-8")
        (tmp_path / "model.weights.h5").unlink(missing_ok=True)
        run(tmp_path, "model.py", backend)
    on_jax, on_torch = (np.load(tmp_path / f"outputs_{name}.npy") for name in ("jax", "torch"))
    assert apart(on_torch, on_jax) > 0.1
