"""Which of the suite's tests catch a planted fault, and whether a failure names the place.

    python -m tests.caught torch [NAME ...]   a line of JSON for each of these faults, or for all

The faults of tests/faults/ are planted one after another in this process, and the tests that
concern each run: first those of the rooms that it changes, then those of whole networks, then all
others that ask a wing, until one names the place. A failure names it where it is in the test file
of the room (a fault of batch norm in tests/test_normalization.py), or in one of whole networks
whose name or message has the word for what is wrong. `python -m experiments.mutants` runs it for
all wings, and tells.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from typing import Any, NamedTuple

import hypothesis
import pytest

from tests.faults import KINDS, ROOT, SHIPPED, Fault, faulty

ROOMS = (
    "activation", "normalization", "initialization", "clipping", "skip", "recurrent", "loss",
    "optimizer", "quantities",
)  # fmt: skip
"""What the files are called whose tests ask for one room of a wing."""

WHOLE = ("parity", "program", "model", "evaluation")
"""And those whose tests ask for whole networks."""

WORDS = {
    "evaluation": "evaluation",
    "update ratio": "update_ratio",
    "dead": "dead",
    "share of the living": "dead",
    "signal gradient": "signal",
    "weight gradient": "weight_gradient",
    "activation of": "activation_mean|activation_rms",
    "mean and rms": "activation_mean|activation_rms",
    "running": "running|mean|variance",
    "weights not updated": "after the step|update",
    "one layer not updated": "after the step|update",
    "rate": "after the step|update",
    "weight decay": "after the step|update",
    "inputs": "loss|input",
    "clipp": "clip",
    "steps not loaded": "optimizer|after the step",
    "optimizer state": "optimizer|after the step",
    "momentum of 0.9": "in the run|free run|after the step",
    "from the second step": "in the run|free run",
    "measured by a later step": "recorded|measured|in the run",
    "slope of PReLU": "slope",
    "time": "recurrent",
    "kernel": "loss|output|weight",
    "bias added": "loss|output|bias",
    "loss": "loss",
    "labels": "loss|label",
}
"""Of faults in what has no test file of its own, by how their names begin: the words, one of which
a failure has to have."""


class Failure(NamedTuple):
    """A test that failed: its id, and the message of the assertion."""

    test: str
    message: str


class Failures:
    """A plugin that gathers them, and ends the run as soon as one names the place of the fault, or
    `most` have failed.
    """

    def __init__(self, fault: Fault | None, most: int) -> None:
        self.fault = fault
        self.most = most
        self.found: list[Failure] = []

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Called by pytest at the start of a run."""
        self.session = session

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Called by pytest after each phase of each test."""
        if not report.failed:
            return
        crash = getattr(report.longrepr, "reprcrash", None)
        self.found.append(
            Failure(
                report.nodeid, " ".join(str(crash.message if crash else report.longrepr).split())
            )
        )
        if len(self.found) == self.most or (self.fault and named(self.fault, self.found[-1])):
            self.session.shouldstop = "what was asked is known"


def words(fault: Fault) -> list[str]:
    """What a failure has to have in its file's name or its message: a room that the fault changes,
    or one of its own words.
    """
    rooms = {edit.room for edits in fault.wings.values() for edit in edits}
    own = next((WORDS[key].split("|") for key in WORDS if fault.name.startswith(key)), [])
    return [*(room for room in ROOMS if room in rooms), *own]


def named(fault: Fault, failure: Failure) -> bool:
    """Whether a failure names the place of a fault: by its file, its test's own name, or what it
    says.

    One in the file of another room does not: who reads it looks there.
    """
    test = failure.test.split("[")[0]
    room = next((room for room in ROOMS if f"/test_{room}" in test), None)
    if room and not any(word in test for word in words(fault)):
        return False
    return any(word in test or word in failure.message for word in words(fault))


class Suite:
    """The tests of a wing, run again and again in this process.

    Attributes:
        red: Tests that fail without a fault, since the rooms are executed anew here: they are left
            out.
    """

    def __init__(self, wing: str) -> None:
        self.wing = wing
        self.red: set[str] = set()

    def caught(self, fault: Fault) -> list[Failure]:
        """Its failures: of its rooms' tests, then of whole networks', then of all others', until
        one names the place.
        """
        edited = {edit.room for edit in fault.wings[self.wing]}
        nearest = [room for room in ROOMS if room in edited]
        found: list[Failure] = []
        for names in (
            nearest,
            *([name] for name in WHOLE),
            [room for room in ROOMS if room not in edited],
        ):
            found += self._failing(fault, names, most=3)
            if any(named(fault, failure) for failure in found):
                break
        return found

    def _failing(self, fault: Fault, names: Iterable[str], most: int) -> list[Failure]:
        """The failures in these files, each of a test that passes without the fault."""
        files = [
            str(path.relative_to(ROOT))
            for name in names
            for path in sorted(ROOT.glob(f"tests/test_{name}*.py"))
        ]
        while True:
            found = self._run(fault, files, most)
            red = {
                failure.test
                for failure in self._run(None, [failure.test for failure in found], len(found))
            }
            if not red:
                return found
            self.red |= red

    def _run(self, fault: Fault | None, tests: list[str], most: int) -> list[Failure]:
        if not tests:
            return []
        failures = Failures(fault, most)
        options = [
            "-q",
            "-p",
            "no:cacheprovider",
            "-W",
            "ignore::pytest.PytestAssertRewriteWarning",
        ]
        left_out = [f"--deselect={test}" for test in sorted(self.red)]
        with faulty(fault, self.wing), redirect_stdout(io.StringIO()):
            pytest.main([*options, *left_out, "-k", self.wing, *tests], plugins=[failures])
        return failures.found


class Told(NamedTuple):
    """What became of a fault.

    Attributes:
        wing: Where it was planted.
        fault: Its name.
        sign: `named`: a failure names the place; `caught`: one fails that does not; `missed`: none
            fails.
        test: The first that names it, or the first.
        message: Its message.
    """

    wing: str
    fault: str
    sign: str
    test: str = ""
    message: str = ""


def told(suite: Suite, fault: Fault) -> Told:
    """Plant a fault, and run what concerns it."""
    found = suite.caught(fault)
    places = [failure for failure in found if named(fault, failure)]
    if not found:
        return Told(suite.wing, fault.name, "missed")
    first = (places or found)[0]
    sign = "named" if places else "caught"
    return Told(suite.wing, fault.name, sign, first.test.split("/")[-1], first.message[:200])


def main() -> None:
    """Measure."""
    wing, *names = sys.argv[1:]
    settings = hypothesis.settings(
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate], database=None
    )
    hypothesis.settings.register_profile("planted", settings)
    hypothesis.settings.load_profile("planted")
    suite = Suite(wing)
    for fault in (*SHIPPED, *KINDS):
        if wing in fault.wings and (fault.name in names or not names):
            print(json.dumps(told(suite, fault)._asdict()), flush=True)


if __name__ == "__main__":
    main()
