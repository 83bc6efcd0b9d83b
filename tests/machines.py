"""Other processors, as far as this one can play them: the same tests with other kernels.

    python -m tests.machines                     the tests that compare numbers, on every machine
    python -m tests.machines nehalem haswell     on these
    python -m tests.machines -- tests            every test
    python -m tests.machines -- tests -n 2       what follows the two hyphens is pytest's

A tolerance that holds on one processor only is tuned to it: frameworks choose their kernels, and
with them the order in which they add, by what the processor can do. Each machine is variables of
the environment which say that it can do less, or has more threads. A line for each machine; exit
status 1 where a test failed on one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
NUMBERS = [
    *("parity", "pairs", "model", "program", "quantities", "agreement", "theory"),
    *("activation", "normalization", "skip", "recurrent", "loss", "clipping", "optimizer"),
]


def instructions(aten: str, onednn: str, xla: str, openblas: str) -> dict[str, str]:
    """A processor that has no more instructions than these, in the words of each library."""
    return {
        "ATEN_CPU_CAPABILITY": aten,
        "ONEDNN_MAX_CPU_ISA": onednn,
        "XLA_FLAGS": f"--xla_cpu_max_isa={xla}",
        "OPENBLAS_CORETYPE": openblas,
    }


THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NPROC")

MACHINES = {
    "here": {},
    "nehalem": instructions("default", "SSE41", "SSE4_2", "Nehalem"),
    "sandybridge": instructions("default", "AVX", "AVX", "Sandybridge"),
    "haswell": instructions("avx2", "AVX2", "AVX2", "Haswell"),
    "zen": instructions("avx2", "AVX2", "AVX2", "Zen"),
    "no_onednn": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "two_threads": dict.fromkeys(THREADS, "2") | {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=true"},
}


def run(machine: str, arguments: list[str]) -> bool:
    """Run pytest on a machine, and say how it went."""
    clock = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--tb=line",
        *arguments,
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | MACHINES[machine],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = (
        done.stdout.strip().splitlines()
        or done.stderr.strip().splitlines()
        or ["nothing was printed"]
    )
    for line in lines if done.returncode else ():
        if line.startswith(("FAILED", "ERROR", "E ")):
            print(f"    {line}", flush=True)
    print(f"{machine:12} {lines[-1].strip('= ')} ({time.monotonic() - clock:.0f} s)", flush=True)
    return done.returncode == 0


def main() -> int:
    """Run what was asked for on every machine that was asked for."""
    ours, _, theirs = " ".join(sys.argv[1:]).partition("--")
    names = ours.split() or list(MACHINES)
    unknown = [name for name in names if name not in MACHINES]
    if unknown:
        print(
            f"error: no machine is called {unknown[0]!r}; known: {', '.join(MACHINES)}",
            file=sys.stderr,
        )
        return 2
    files = [str(path) for name in NUMBERS for path in sorted(ROOT.glob(f"tests/test_{name}*.py"))]
    arguments = theirs.split() or files
    passed = [run(name, arguments) for name in names]
    return int(not all(passed))


if __name__ == "__main__":
    sys.exit(main())
