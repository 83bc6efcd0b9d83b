"""The command `compare` in a process of its own, and flags that keep it small."""

from __future__ import annotations

import subprocess
import sys

TINY = (
    "--depth",
    "4",
    "--width",
    "8",
    "--steps",
    "3",
    "--batch-size",
    "16",
    "--seeds",
    "2",
    "--backends",
    "numpy",
)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "experiments.compare", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
