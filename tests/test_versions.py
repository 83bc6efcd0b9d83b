"""A run id is a promise: it covers all that can move a number of the run, or what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import versions as module
from experiments.versions import environment_digest, versions


def test_a_frameworks_run_belongs_to_the_definition_that_judged_it() -> None:
    found = versions("torch")
    assert {"torch", "numpy", "common", "backends/torch", "backends/numpy", "worker", "environment", "processor"} == set(found)
    assert found["backends/numpy"] == versions("numpy")["backends/numpy"]


@pytest.mark.parametrize(
    "file", ["backends/numpy/activation.py", "backends/__init__.py", "experiments/process.py", "common/bounds.py"]
)
def test_a_changed_source_makes_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
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


def test_what_only_reads_a_run_does_not_make_another() -> None:
    assert all((module.ROOT / name).exists() for name in module.NOT_IN_A_RUN)
    assert "common/verdict.py" in module.NOT_IN_A_RUN


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


def test_a_worker_finds_the_environment_that_its_run_id_was_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments.process import environment

    expected = environment_digest(1)
    for name, value in environment(1).items():
        monkeypatch.setenv(name, value)
    assert environment_digest(1) == expected
