"""Which of the suite's tests catch each planted fault, and whether a failure names the place.

    python -m tests.caught [--wing torch] [--fault TEXT] [--tests PATH]

In a process for each wing the faults of tests/faults/ are planted one after another, each without what `compare` is asked of
it again on another plan, and the suite's tests of that wing run until eight fail. A failure names the place where it is in the
test file of the room (a fault of batch norm in tests/test_normalization.py), or its name or message has the word for what is
wrong.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
from contextlib import redirect_stdout
from typing import Any, NamedTuple

import hypothesis
import pytest

import backends
from experiments.process import environment
from tests.faults import KINDS, ROOT, Fault, faulty

SUITE = ("activation", "normalization", "clipping", "skip", "recurrent", "optimizer", "quantities", "program", "parity")
"""The files whose tests ask a wing, those of one room first."""

PLACES = {
    "evaluation": "evaluation",
    "update ratio": "update_ratio",
    "dead": "dead",
    "share of the living": "dead",
    "batch norm": "normalization|statistic|running|mean|variance",
    "running": "normalization|running|mean|variance",
    "epsilon": "normalization",
    "weights not updated": "after the step|update|state",
    "one layer not updated": "after the step|update|state",
    "rate": "after the step|update|rate",
    "weight decay": "after the step|update",
    "inputs": "loss|input",
    "clipp": "clip",
    "norm of": "clip",
    "slope": "activation|slope",
    "alpha": "activation",
    "derivative of ReLU": "activation|gradient",
    "kernel": "loss|output|weight",
    "bias": "loss|bias",
    "loss": "loss|gradient",
    "labels": "loss|label",
    "signal gradient": "signal",
    "activation": "activation_mean|activation_rms",
    "weight gradient": "weight_gradient|weight gradient",
    "mean and rms": "activation_mean|activation_rms",
    "from the second step": "in the run|free run|loss|weight|step",
    "momentum of 0.9": "in the run|free run|after the step",
    "measured by a later step": "loss|recorded|measured",
    "gate": "recurrent",
    "LSTM": "recurrent",
    "time": "recurrent|time",
    "cell": "recurrent",
}
"""By how a fault's name begins or goes on: the words, one of which the failing file or message has to have."""


class Failure(NamedTuple):
    """A test that failed: its id, and the message of the assertion."""

    test: str
    message: str


class Failures:
    """A plugin that gathers them."""

    def __init__(self) -> None:
        self.found: list[Failure] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Called by pytest after each phase of each test."""
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.found.append(Failure(report.nodeid, " ".join(str(crash.message if crash else report.longrepr).split())))


def words(fault: Fault) -> list[str]:
    """What a failure has to have in its file's name or its message."""
    key = next((key for key in PLACES if fault.name.startswith(key)), None) or next(key for key in PLACES if key in fault.name)
    return PLACES[key].split("|")


def named(fault: Fault, failure: Failure) -> bool:
    """Whether a failure names the place of a fault: by its file, its test's own name, or what it says."""
    test = failure.test.split("[")[0]
    return any(word in test or word in failure.message for word in words(fault))


def caught(fault: Fault | None, wing: str, tests: list[str]) -> list[Failure]:
    """The tests of a wing that fail first."""
    failures = Failures()
    options = ["-q", "--maxfail", "8", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    with faulty(fault, wing), redirect_stdout(io.StringIO()):
        pytest.main([*options, "-k", wing, *tests], plugins=[failures])
    return failures.found


def measure(wing: str, only: str, tests: list[str]) -> None:
    """Plant the faults in a wing of this process, and print a line for each."""
    settings = hypothesis.settings(phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate], database=None)
    hypothesis.settings.register_profile("planted", settings)
    hypothesis.settings.load_profile("planted")
    faults = [None, *(fault for fault in KINDS if wing in fault.wings and only in fault.name)]
    seen, told = 0, 0
    for fault in faults:
        found = caught(fault, wing, tests)
        if fault:
            places = [failure for failure in found if named(fault, failure)]
            seen, told = seen + bool(found), told + bool(places)
            first = (places or found or [Failure("NOT CAUGHT", "")])[0]
            sign = "named" if places else "caught" if found else "missed"
            print(f"{wing}: {fault.name}: {sign}: {first.test.split('/')[-1]}: {first.message[:200]}", flush=True)
        else:
            print(f"{wing}: none: {len(found)} fail {found[:1]}", flush=True)
    print(f"{wing}: of {len(faults) - 1} faults {seen} are caught, and {told} by a failure that names the place", flush=True)


def main() -> None:
    """Measure, in a process for each wing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wing", choices=backends.FRAMEWORKS, action="append", help="only this one; may be repeated")
    parser.add_argument("--fault", default="", help="only faults with this in their name")
    parser.add_argument("--tests", action="append", help="files, or ids of tests, in place of those that ask a wing")
    asked = parser.parse_args()
    wings = asked.wing or list(backends.FRAMEWORKS)
    tests = asked.tests or [str(ROOT / "tests" / f"test_{name}.py") for name in SUITE]
    if len(wings) == 1:
        measure(wings[0], asked.fault, tests)
        return
    for wing in wings:
        command = [sys.executable, "-m", "tests.caught", "--wing", wing, "--fault", asked.fault]
        command += [part for test in tests for part in ("--tests", test)]
        subprocess.run(command, cwd=ROOT, env=environment(1), check=True)


if __name__ == "__main__":
    main()
