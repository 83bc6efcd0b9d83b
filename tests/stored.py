"""A small experiment in a store, for the tests of its report: run by the definition, told as if by
two backends.
"""

from __future__ import annotations

from pathlib import Path

import backends
from common.trace import Check
from experiments import index, reported
from experiments.experiment import plans, read
from experiments.findings.outcome import Outcome
from experiments.jobs import Job
from experiments.reported import Source
from experiments.store import Store
from experiments.tables import Run
from experiments.working import Job as Asked
from experiments.working import Worker

EVIL = (
    '<script>window.pwned=1</script><img src=x onerror="window.pwned=2"> '
    """& "quoted" 'name' \\ </script>"""
)
TOML = '''
question = """Which one? %s"""
[base]
depth = 6
width = 8
steps = 5
batch_size = 16
seeds = 2
[[configuration]]
[[configuration]]
activation = "tanh"
[[configuration]]
activation = "relu"
initialization = { kind = "gaussian", std = 1e80 }
name = "breaks"
[[configuration]]
activation = "elu"
name = """%s"""
[[configuration]]
activation = "prelu"
name = "crashes"
'''


def experiment(folder: Path) -> Path:
    """The experiment's file."""
    path = folder / "own.toml"
    evil = EVIL.replace("\\", "\\\\")
    path.write_text(TOML % (evil.replace('"', '\\"'), evil.replace('"', '\\"')), encoding="utf-8")
    return path


def make(folder: Path) -> Source:
    """Run it into a folder."""
    worker = Worker(backends.load("numpy"), threads=1, imports=0.25)
    asked = read(str(experiment(folder.parent)))
    store = Store(folder)
    jobs = []
    have = {}
    failures = {}
    for name, plan in plans(asked).items():
        for backend in ("numpy", "torch"):
            job = Job(backend, name, plan, f"{len(jobs):016x}", "cpu")
            jobs.append(job)
            if name == "crashes":
                failures[job.run_id] = Outcome("crashed", f"killed by {EVIL}")
            else:
                run = worker.run(Asked(run_id=job.run_id, plan=plan, device="cpu"))
                checks = [
                    Check(
                        step=0,
                        outcome="agrees",
                        reason=None,
                        error=3.21e-15,
                        bound=7e-13,
                        where="loss, seed 0",
                    )
                ]
                told = {"backend": backend, "checks": checks if backend == "torch" else []}
                run = Run(run.header.model_copy(update=told), run.trace)
                store.save(run)
                have[job.run_id] = run
    made = index.of_jobs(
        asked,
        jobs,
        failures,
        {"jax": "not installed"},
        name="own.toml",
        command=f"compare '{EVIL}'",
    )
    index.save(store, made)
    return reported.source(made, have, str(folder))
