"""Which of the suite's tests catch a planted fault, and whether a failure names the place.

    python -m tests.caught torch [TEXT]      a line of JSON for each fault of PyTorch with TEXT in its name

The faults of tests/faults/ are planted one after another in this process, and the tests that concern each run: first those of
the rooms that it changes, and where none of them names the place, all that ask a wing, until three or eight fail. A failure
names the place where it is in the test file of the room (a fault of batch norm in tests/test_normalization.py), or its name or
message has the word for what is wrong. `python -m experiments.mutants` runs it for all wings, and tells.
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stdout
from typing import Any, NamedTuple

import hypothesis
import pytest

from tests.faults import KINDS, ROOT, SHIPPED, Fault, faulty

SUITE = (
    "activation", "normalization", "initialization", "clipping", "skip", "recurrent", "optimizer", "quantities", "program",
    "parity",
)  # fmt: skip
"""What the files are about whose tests ask a wing, those of one room first; each has the files that begin with its name."""

PLACES = {
    "shipped activation": "activation",
    "shipped normalization": "normalization",
    "shipped initialization": "initialization",
    "shipped clipping": "clip",
    "shipped optimizer": "optimizer",
    "shipped recurrent": "recurrent",
    "evaluation": "evaluation",
    "update ratio": "update_ratio",
    "dead": "dead",
    "share of the living": "dead",
    "rms norm": "normalization",
    "shift of layer norm": "normalization",
    "beta2": "optimizer|after the step",
    "steps not loaded": "optimizer|state|after the step",
    "decay coupled": "optimizer|after the step",
    "optimizer state": "optimizer|state|after the step",
    "dampening": "optimizer|after the step",
    "Nesterov": "optimizer|after the step",
    "SELU": "activation",
    "GELU": "activation",
    "SiLU": "activation",
    "residual": "skip",
    "past the layer": "skip",
    "behind the layer": "skip",
    "ReZero": "skip",
    "squared error": "loss",
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


class Suite:
    """The tests of a wing, run again and again in this process."""

    def __init__(self, wing: str) -> None:
        self.wing = wing
        self.clean: dict[str, set[str]] = {}

    def caught(self, fault: Fault) -> list[Failure]:
        """The failures that a fault makes: of its rooms' tests where one names the place, else of all that ask a wing."""
        rooms = dict.fromkeys(edit.room for edit in fault.wings[self.wing])
        nearest = [name for name in SUITE if name in rooms]
        found = self._failing(fault, nearest, most=3) if nearest else []
        if any(named(fault, failure) for failure in found):
            return found
        return found + self._failing(fault, [name for name in SUITE if name not in nearest], most=8)

    def _failing(self, fault: Fault, names: list[str], most: int) -> list[Failure]:
        for name in names:
            if name not in self.clean:
                self.clean[name] = {failure.test for failure in self._run(None, [name], 50)}
        known = {test for name in names for test in self.clean[name]}
        return [failure for failure in self._run(fault, names, most + len(known)) if failure.test not in known]

    def _run(self, fault: Fault | None, names: list[str], most: int) -> list[Failure]:
        failures = Failures()
        options = ["-q", "--maxfail", str(most), "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        files = [str(path) for name in names for path in sorted(ROOT.glob(f"tests/test_{name}*.py"))]
        with faulty(fault, self.wing), redirect_stdout(io.StringIO()):
            pytest.main([*options, "-k", self.wing, *files], plugins=[failures])
        return failures.found


class Told(NamedTuple):
    """What became of a fault.

    Attributes:
        wing: Where it was planted.
        fault: Its name.
        sign: `named`: a failure names the place; `caught`: one fails that does not; `missed`: none fails.
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
    wing, *text = sys.argv[1:]
    only = " ".join(text)
    settings = hypothesis.settings(phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate], database=None)
    hypothesis.settings.register_profile("planted", settings)
    hypothesis.settings.load_profile("planted")
    suite = Suite(wing)
    for fault in (*SHIPPED, *KINDS):
        if wing in fault.wings and only in fault.name:
            print(json.dumps(told(suite, fault)._asdict()), flush=True)


if __name__ == "__main__":
    main()
