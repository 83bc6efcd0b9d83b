"""The versions that enter a run id, found without importing a framework."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import re
from functools import cache
from importlib import metadata
from pathlib import Path

from backends import DEFINITION, NEEDS

ROOT = Path(__file__).parents[1]


def versions(backend: str, threads: int = 1) -> dict[str, str]:
    """What can move a number of a run, or what is said of it.

    Packages, sources, the worker's environment, the processor.

    The sources count by their digests, so that a run made by code that was changed since is not
    taken for a new one. Those of the definition belong to every run, for each says how it agrees
    with it.
    """
    packages = {package: _version(package) for package in ("numpy", *NEEDS[backend])}
    folders = dict.fromkeys(("common", f"backends/{DEFINITION}", f"backends/{backend}"))
    digests = {folder: source_digest(folder) for folder in folders} | {"worker": digest_of(WORKER)}
    return (
        packages | digests | {"environment": environment_digest(threads), "processor": processor()}
    )


@cache
def _version(package: str) -> str:
    try:
        return metadata.version(package)
    # a distribution under another name, such as tensorflow-cpu
    except metadata.PackageNotFoundError:
        return metadata.version(metadata.packages_distributions()[package][0])


WORKER = (
    "backends/__init__.py",
    "experiments/evaluation.py",
    "experiments/judging.py",
    "experiments/process.py",
    "experiments/references.py",
    "experiments/sensitivity.py",
    "experiments/worker.py",
    "experiments/working.py",
)
"""What a run is made and judged by, beside the wings."""

MOVES_A_NUMBER = re.compile(
    "(ATEN|CUDA|CUBLAS|CUDNN|DNNL|FLAGS|JAX|KERAS|MKL|NPROC|NVIDIA|OMP|ONEDNN|OPENBLAS|PYTORCH|TF|TORCH|XLA)(_|$)"
)
"""Variables of these families choose kernels, precisions and numbers of threads."""

MOVES_NONE = {"JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE", "TF_CPP_MIN_LOG_LEVEL"}

NOT_IN_A_RUN = {"common/errors.py"}
"""What moves no number."""

OF_OTHERS = {"capture", "vjp.py"}
"""What of a wing's folder runs models and functions that are not ours."""


@cache
def source_digest(folder: str) -> str:
    """Eight hexadecimal digits that change with any Python file of a folder of this project."""
    files = {file.relative_to(ROOT) for file in (ROOT / folder).rglob("*.py")}
    names = {file.as_posix() for file in files if not OF_OTHERS & set(file.parts)}
    return digest_of(tuple(sorted(names - NOT_IN_A_RUN)))


@cache
def digest_of(names: tuple[str, ...]) -> str:
    """Eight hexadecimal digits that change with any of these files of this project."""
    content = b"".join(name.encode() + (ROOT / name).read_bytes() for name in names)
    return hashlib.sha256(content).hexdigest()[:8]


def environment_digest(threads: int) -> str:
    """Eight hex digits that change with what of a worker's environment can move a number."""
    from experiments.process import environment

    chosen = {
        k: v
        for k, v in environment(threads).items()
        if MOVES_A_NUMBER.match(k) and k not in MOVES_NONE
    }
    return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[:8]


@cache
def processor() -> str:
    """The processor by its name, since another one has other kernels."""
    with contextlib.suppress(OSError):
        for line in (
            Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        ):
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
