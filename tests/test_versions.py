"""A run id is a promise: it covers all that can move a number of the run, or what is said of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from experiments import versions as module
from experiments.versions import environment_digest, versions


def test_a_frameworks_run_belongs_to_the_definition_that_judged_it() -> None:
    found = versions("torch")
    assert {
        "torch",
        "numpy",
        "common",
        "backends/torch",
        "backends/numpy",
        "worker",
        "environment",
        "processor",
    } == set(found)
    assert found["backends/numpy"] == versions("numpy")["backends/numpy"]


@pytest.mark.parametrize(
    "file",
    [
        "backends/numpy/activation.py",
        "backends/__init__.py",
        "experiments/process.py",
        "common/bounds.py",
    ],
)
def test_a_changed_source_makes_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    def of_copy() -> dict[str, str]:
        module.source_digest.cache_clear()
        module.digest_of.cache_clear()
        return versions("jax")

    for folder in ("backends", "common", "experiments"):
        for path in (module.ROOT / folder).rglob("*.py"):
            copy = tmp_path / path.relative_to(module.ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(module, "ROOT", tmp_path)
    before = of_copy()
    (tmp_path / file).write_text((tmp_path / file).read_text() + "\n# changed\n")
    changed = {key for key, value in of_copy().items() if before[key] != value}
    module.source_digest.cache_clear()
    module.digest_of.cache_clear()
    assert len(changed) == 1


KEEPS_RUNS = {
    "experiments/__init__.py",
    *(f"experiments/{name}.py" for name in ("seal", "store", "tables", "versions", "whole")),
}
"""What a worker loads that makes no number: how a run is named and kept. What only reads numbers it
does not load."""


def test_a_run_id_covers_all_that_a_worker_loads() -> None:
    code = "import backends, sys, experiments.worker; backends.load('numpy')\n"
    code += (
        "print(*(m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)), "
        "sep='\\n')"
    )
    files = subprocess.run(
        [sys.executable, "-c", code], cwd=module.ROOT, capture_output=True, text=True, check=True
    ).stdout
    loaded = {file.removeprefix(f"{module.ROOT}/") for file in files.splitlines()}
    loaded = {file for file in loaded if file.startswith(("backends/", "common/", "experiments/"))}
    folders = ("common/", "backends/numpy/")
    covered = {
        *module.WORKER,
        *(file for file in loaded if file.startswith(folders) and file not in module.NOT_IN_A_RUN),
    }
    assert loaded - covered == KEEPS_RUNS | module.NOT_IN_A_RUN
    assert set(module.WORKER) - loaded == {"experiments/process.py"}, "which made its environment"


@pytest.mark.parametrize(
    ("variable", "value", "counts"),
    [
        ("ATEN_CPU_CAPABILITY", "default", True),
        ("TF_ENABLE_ONEDNN_OPTS", "0", True),
        ("XLA_FLAGS", "--xla_cpu_max_isa=AVX", True),
        ("OPENBLAS_CORETYPE", "Nehalem", True),
        ("KERAS_BACKEND", "jax", True),
        ("JAX_COMPILATION_CACHE_DIR", "/elsewhere", False),
        ("HOME", "/elsewhere", False),
    ],
)
def test_the_environment_counts_where_it_moves_a_number(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, counts: bool
) -> None:
    monkeypatch.delenv(variable, raising=False)
    before = environment_digest(1)
    monkeypatch.setenv(variable, value)
    assert (environment_digest(1) != before) == counts
    assert environment_digest(1) != environment_digest(2), "so does the number of threads"


def test_a_worker_finds_the_environment_that_its_run_id_was_made_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from experiments.process import environment

    expected = environment_digest(1)
    for name, value in environment(1).items():
        monkeypatch.setenv(name, value)
    assert environment_digest(1) == expected


def test_what_runs_models_of_others_enters_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    covered: list[str] = []
    monkeypatch.setattr(module, "digest_of", lambda names: covered.extend(names) or "")
    module.source_digest.__wrapped__("backends/torch")
    assert "backends/torch/network.py" in covered
    assert not [name for name in covered if "capture" in name or "vjp" in name]
