"""The versions that enter a run id, found without importing a framework."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

from backends import NEEDS

ROOT = Path(__file__).parents[1]


def versions(backend: str) -> dict[str, str]:
    """The versions of what can move a number of a backend: its packages, NumPy, and this project's own sources.

    The sources count by their digests, so that a run made by code that was changed since is not taken for a new one.
    """
    packages = {package: _version(package) for package in ("numpy", *NEEDS[backend])}
    return packages | {folder: source_digest(folder) for folder in ("common", f"backends/{backend}")}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # a distribution under another name, such as tensorflow-cpu
        return metadata.version(metadata.packages_distributions()[package][0])


NOT_IN_A_RUN = {"common/findings.py", "common/verdict.py", "common/errors.py"}
"""What is read from a run later, and does not make another run of it."""


@cache
def source_digest(folder: str) -> str:
    """Eight hexadecimal digits that change with any Python file of a folder of this project."""
    files = {file.relative_to(ROOT).as_posix(): file for file in (ROOT / folder).rglob("*.py")}
    content = b"".join(name.encode() + files[name].read_bytes() for name in sorted(files.keys() - NOT_IN_A_RUN))
    return hashlib.sha256(content).hexdigest()[:8]
