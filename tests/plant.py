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
from pathlib import Path

import backends
from experiments.process import environment
from experiments.versions import digest_of
from tests.faults import FAULTS, KINDS, NONE, PLANS, ROOT, Fault, faulty
from tests.plant_page import Case, page, rows_of, shares, surprises
from tests.planted_plans import KEPT, define, judge, plan_of, settings

TABLE = ROOT / "docs" / "planted-faults.md"


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
