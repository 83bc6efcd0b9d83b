"""The campaign of planted faults: does `compare` say "broken" where a wing is wrong?

    python -m tests.plant [--wing torch] [--quick] [--write]

A process for each wing plants the faults of tests/faults/ one after another: the wing's rooms are
executed anew with each. A wing with a fault runs the fault's plan at several depths, precisions and
with few and many records, is judged by the references of the definition, and the outcome is the one
of the findings, which `compare` prints. First of all the wing runs without a fault, and has to
agree.

What was measured is kept in `results/planted/` and is not measured again while the sources are the
same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import backends
from backends import DEFINITION
from common.backend import Backend
from common.plan import Plan
from common.sources import ADDING
from experiments.findings.configuration import configuration
from experiments.findings.outcome import Outcome
from experiments.findings.thresholds import Thresholds
from experiments.process import environment
from experiments.store import Store
from experiments.versions import digest_of
from experiments.working import Job, Worker
from tests.faults import FAULTS, KINDS, NONE, PLANS, ROOT, Fault, faulty
from tests.plant_page import DEPTHS, PRECISIONS, Case, page, rows_of, shares, surprises

KEPT = ROOT / "results" / "planted"
TABLE = ROOT / "docs" / "planted-faults.md"
RECORDS = (1, 10)


def plan_of(name: str, depth: int, precision: str, record_every: int) -> Plan:
    """The plan of a name in `PLANS`, as the campaign runs it: digits, 16 units, batches of 32, 2
    seeds, 12 steps.
    """
    numbers: dict[str, Any] = {"clipping": "none"} | PLANS[name]
    task: dict[str, Any] = {"batch_size": 32}
    if "recurrent" in numbers:
        task |= {"source": ADDING, "time": depth}
        network = {"features": 2, "targets": 1, "loss": "squared_error", "width": 16, "time": depth}
    else:
        network = {
            "features": 64,
            "classes": 10,
            "width": 16,
            "normalization": "none",
            "depth": depth,
        }
    rooms = ("width", "activation", "normalization", "skip", "loss", "recurrent")
    network |= {key: numbers.pop(key) for key in rooms if key in numbers}
    rest = {
        "optimizer": {"kind": "sgd", "learning_rate": 0.1},
        "task": task,
        "seeds": (0, 1),
        "steps": 12,
    }
    return Plan.model_validate(
        {"network": network, "precision": precision, "record_every": record_every} | rest | numbers
    )


def settings(fault: Fault | None, quick: bool) -> Iterator[tuple[int, str, int]]:
    """Depth, precision and `record_every` of each run; those of one compiled program one after
    another.
    """
    precisions = fault.precisions if fault else PRECISIONS
    for depth in DEPTHS[: 1 if quick else None]:
        for precision in precisions:
            for record_every in RECORDS[: 1 if quick else None]:
                yield depth, precision, record_every


def reference(plan: Plan, folder: Path) -> Path:
    """The file of the references of a plan; what is recorded does not enter."""
    return folder / f"{plan.model_copy(update={'record_every': 1}).digest()}.npz"


def define(plans: Iterable[Plan], folder: Path) -> None:
    """Run the definition, and leave its runs and its references."""
    store = Store(folder)
    definition = backends.load(DEFINITION)
    for plan in plans:
        if store.path(plan.digest()).exists():
            continue
        worker = Worker(definition, 1, 0.0)
        path = reference(plan, folder)
        written = None if path.exists() else str(path)
        store.save(
            worker.run(Job(run_id=plan.digest(), plan=plan, device="cpu", reference=written))
        )


def judge(
    backend: Backend, fault: Fault | None, plan_name: str, folder: Path, quick: bool
) -> list[Case]:
    """Run a plan on a wing with a fault, and say of it what the findings say."""
    store = Store(folder)
    worker = Worker(backend, 1, 0.0)
    return [_case(fault, plan_name, one, store, worker, folder) for one in settings(fault, quick)]


def _case(
    fault: Fault | None,
    name: str,
    one: tuple[int, str, int],
    store: Store,
    worker: Worker,
    folder: Path,
) -> Case:
    plan = plan_of(name, *one)
    label = fault.name if fault else NONE
    wing = worker.backend.name
    definition = store.load(plan.digest())
    assert definition, "the definition ran before"
    try:
        job = Job(run_id="x", plan=plan, device="cpu", reference=str(reference(plan, folder)))
        run = worker.run(job)
    except Exception as error:
        return Case(
            wing,
            label,
            name,
            *one,
            "crashed",
            f"{type(error).__name__}: {error}"[:300],
            "",
            0.0,
            0.0,
            "",
        )
    outcomes = {
        DEFINITION: Outcome("finished", header=definition.header, trace=definition.trace),
        wing: Outcome("finished", header=run.header, trace=run.trace),
    }
    agreed = configuration(label, plan, outcomes, Thresholds()).runs[wing].agreement
    assert agreed, "a wing's run is compared"
    steps, free = agreed.single_steps, agreed.free_run
    error, bound = (float("inf") if n is None else n for n in (steps.error, steps.bound))
    reason, where = agreed.reason or "", steps.where or ""
    return Case(wing, label, name, *one, agreed.outcome, reason, where, error, bound, free.outcome)


class Campaign:
    """What is planted, measured one after another, and kept.

    Args:
        quick: Only the smallest depth, and every step recorded.
    """

    def __init__(self, quick: bool) -> None:
        self.quick = quick
        files = sorted((ROOT / "common").rglob("*.py")) + sorted((ROOT / "backends").rglob("*.py"))
        files += [
            ROOT / "experiments" / name
            for name in ("judging.py", "references.py", "worker.py", "working.py")
        ]
        self.folder = KEPT / digest_of(tuple(file.relative_to(ROOT).as_posix() for file in files))
        self.folder.mkdir(parents=True, exist_ok=True)

    def measure(self, wing: str, fault: Fault | None, plan: str) -> None:
        """Run a plan with a fault in a wing of this process, unless that is kept."""
        kept = self._kept(wing, fault, plan)
        if kept.exists():
            return
        define((plan_of(plan, *one) for one in settings(None, self.quick)), self.folder)
        with faulty(fault, wing) as backend:
            cases = judge(backend, fault, plan, self.folder, self.quick)
        kept.write_text(json.dumps(cases), encoding="utf-8")

    def cases(self, wing: str, fault: Fault | None, plan: str) -> list[Case]:
        """What was measured."""
        return [
            Case(*case)
            for case in json.loads(self._kept(wing, fault, plan).read_text(encoding="utf-8"))
        ]

    def _kept(self, wing: str, fault: Fault | None, plan: str) -> Path:
        what = (PLANS[plan], (fault.name, fault.precisions, fault.wings[wing]) if fault else NONE)
        digest = hashlib.sha256(str(what).encode()).hexdigest()[:8]
        return self.folder / f"{wing}-{digest}{'-quick' if self.quick else ''}.json"


Planned = list[tuple[Fault | None, str]]
"""Faults, or none, and the plans that show them."""


def planned(quick: bool, words: list[str]) -> Planned:
    """The faults with one of the words in their names, where there are words; before them their
    plans without a fault.
    """
    faults = [
        fault
        for fault in (KINDS if quick else FAULTS)
        if not words or any(word in fault.name for word in words)
    ]
    without: Planned = [(None, plan) for plan in dict.fromkeys(fault.plan for fault in faults)]
    return without + [(fault, fault.plan) for fault in faults]


def measure(campaign: Campaign, wing: str, todo: Planned) -> None:
    """Measure all faults of a wing in this process, and show what is found as it is found."""
    for fault, plan in todo:
        clock = time.monotonic()
        campaign.measure(wing, fault, plan)
        found = campaign.cases(wing, fault, plan)
        print(*rows_of(found), f"  {time.monotonic() - clock:.0f} s", flush=True)
        for line in surprises(found):
            print(f"    {line}", flush=True)


def main() -> None:
    """The command line: a process for each wing, in a worker's environment."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--wing",
        choices=backends.FRAMEWORKS,
        action="append",
        help="only this one; may be repeated",
    )
    parser.add_argument(
        "--fault", action="append", default=[], help="only faults with this in their name"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="only the smallest depth, every step recorded, each kind once",
    )
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.relative_to(ROOT)}")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    campaign = Campaign(options.quick)
    todo = planned(options.quick, options.fault)
    wings = options.wing or backends.FRAMEWORKS
    if options.here:
        measure(campaign, wings[0], todo)
        return
    os.nice(5)
    for wing in wings:
        only = [
            *(["--quick"] if options.quick else []),
            *(f"--fault={word}" for word in options.fault),
        ]
        command = [sys.executable, "-m", "tests.plant", "--here", "--wing", wing, *only]
        if subprocess.run(command, cwd=ROOT, env=environment(1), check=False).returncode:
            sys.exit(f"the process of the {wing} wing failed")
    cases = [
        case for wing in wings for fault, plan in todo for case in campaign.cases(wing, fault, plan)
    ]
    print("", *shares(cases), sep="\n")
    if options.write:
        TABLE.write_text(page(cases), encoding="utf-8")


if __name__ == "__main__":
    main()
