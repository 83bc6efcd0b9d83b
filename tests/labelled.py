"""Runs whose cause is known by construction, and how often the verdicts name it: `python -m
tests.labelled [--write]`.

A label comes from theory or from the construction, never from what the run then did:

- gradient: mean field theory along the trajectory of the second moment, with its correction for the
  width (tests/mean_field.py), gives the decades between the first and the last layer and their
  spread over draws, at the depth of the network and at 30 layers. Within two spreads and half a
  decade of a bound nothing is certain, and there is no label.
- dead: a ReLU layer of n units is dead with a probability of about 1 / 2^n, so that a deep narrow
  network is; or the gradient would be below 1e-330, which float64 does not hold.
- learning: a network whose first layer gets less than 1e-4, or that is dead, or has a rate of 1e-7
  or labels drawn by lot, has not learnt; a rate a hundred times too high, or a gradient of 1e6 in a
  network without saturation, diverges; one to four test samples or steps tell nothing; a gradient
  that comes through, an ordinary rate and data that can be learnt: it learns.

The runs are those of the definition, in float64. Every other one of a shuffled list was looked at
while the rules were made; the rest is held out. Both halves are in the table of docs/verdicts.md,
beside the rules of others.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

import backends
from common import draw, task
from common.backend import side_by_side, train
from common.plan import Plan
from common.trace import Trace
from experiments.evaluation import accuracy, guessing_loss
from experiments.findings.gradient import gradient
from experiments.findings.guesses import Guessing
from experiments.findings.learning import LEARNING_WORDS, learning
from experiments.findings.score import Accuracies
from experiments.findings.thresholds import GRADIENT_WORDS, Thresholds
from experiments.findings.verdict import Judgement
from tests.labelled_cases import cases
from tests.labelled_theory import Case, plan_of

PAGE = Path(__file__).parents[1] / "docs" / "verdicts.md"
BEGIN = "<!-- measured: python -m tests.labelled --write -->"
END = "<!-- end -->"


class Ran(NamedTuple):
    """What a run measured."""

    plan: Plan
    trace: Trace
    accuracy: list[float]
    guessing: Guessing
    guessing_loss: float


# ---- data


def _blobs(
    rng: np.random.Generator, samples: int, features: int, shares: list[float], separation: float
) -> tuple:
    y = rng.choice(len(shares), samples, p=shares)
    return rng.normal(size=(len(shares), features))[y] * separation + rng.normal(
        size=(samples, features)
    ), y


def make(folder: Path) -> None:
    """The data sets, as .npz files."""
    rng = np.random.default_rng(11)
    corners = rng.integers(0, 2, size=(800, 2))
    line = rng.uniform(-math.sqrt(3), math.sqrt(3), (2000, 1))
    sets = {
        "blobs": _blobs(rng, 900, 8, [1 / 3] * 3, 2.0),
        "pair": _blobs(rng, 600, 16, [0.5, 0.5], 1.0),
        "lopsided": _blobs(rng, 1500, 8, [0.85, 0.15], 2.0),
        "very lopsided": _blobs(rng, 1500, 8, [0.92, 0.08], 2.0),
        "xor": (corners * 4 - 2 + rng.normal(size=(800, 2)) * 0.5, corners[:, 0] ^ corners[:, 1]),
        "line": (line, (np.abs(line[:, 0]) > 0.8).astype(int)),
        "noise": (rng.normal(size=(800, 8)), rng.integers(0, 2, 800)),
        "noise of five": (rng.normal(size=(1000, 16)), rng.integers(0, 5, 1000)),
        "lopsided noise": (rng.normal(size=(1000, 8)), (rng.random(1000) < 0.1).astype(int)),
        "twenty": _blobs(rng, 20, 4, [0.5, 0.5], 3.0),
        "fifteen": _blobs(rng, 15, 4, [0.5, 0.5], 3.0),
    }
    for name, (x, y) in sets.items():
        np.savez(folder / f"{name}.npz", x=x, y=y)


def run(case: Case, folder: Path) -> Ran:
    """Run the definition."""
    plan = plan_of(case, folder)
    data = task.load(plan.task)
    wing = backends.load("numpy")
    parts = []
    found = []
    for group in plan.groups():
        program = wing.program(group, "cpu")
        program.load(draw.state(group), group)
        parts.append(train(program, group, draw.batches(group, data)))
        found += accuracy(program, group, data)
    guessing = Guessing(data.guessing, len(data.y_test), data.best_guess)
    return Ran(plan, side_by_side(parts).trace, found, guessing, guessing_loss(plan, data))


def verdicts(ran: Ran) -> tuple[Judgement, Judgement]:
    """Both, with the default thresholds."""
    return gradient(ran.trace, Thresholds()), learning(
        ran.trace, Accuracies(ran.accuracy, ran.guessing), ran.guessing_loss
    )


Told = dict[str, str]
"""What every rule says of a run, by the rule's name."""

OURS = ("gradient", "learning")


def told(ran: Ran) -> Told:
    """What our verdicts say, and the rules of others; a rule that does not fire says nothing."""
    with np.errstate(all="ignore"):
        weights = ran.trace.quantities["weight_gradient_rms"][:, 0]
        network = ran.plan.network
        norms = weights * np.sqrt(
            [network.features * network.units, *[network.units**2] * (len(network.sites) - 1)]
        )
        small = (norms[:, 0] < 1e-4) & (norms[:, 0] / norms[:, -1] < 1e-3)
        dead = ran.trace.quantities["dead_fraction"][:, -1].mean(1) >= 0.7
        fallen = ran.trace.loss[:, -1] < ran.trace.loss[:, 0]
    above = np.array(ran.accuracy) > ran.guessing.accuracy
    return {
        **dict(zip(OURS, (judgement.verdict for judgement in verdicts(ran)), strict=True)),
        "first norm below 1e-4 and first/last below 1e-3": "vanishing"
        if np.mean(small) > 0.5
        else "",
        "mean gradient below 1e-7": "vanishing" if np.mean(weights.mean(1) < 1e-7) > 0.5 else "",
        "70 % of the units without gradient": "dead" if np.mean(dead) > 0.5 else "",
        "accuracy above guessing": "learns" if np.mean(above) > 0.5 else "has not learnt",
        "last loss below the first": "learns" if np.mean(fallen) > 0.5 else "has not learnt",
    }


class Score(NamedTuple):
    """How often a rule said a verdict, how often that was right; how often it was the label, and
    how often that was said.
    """

    said: int
    right: int
    labelled: int
    found: int

    def cells(self) -> list[str]:
        """The score as cells of the table."""
        shares = [
            f"{a / b:.3f}" if b else "-"
            for a, b in ((self.right, self.said), (self.found, self.labelled))
        ]
        return [
            shares[0],
            f"{self.right} of {self.said}",
            shares[1],
            f"{self.found} of {self.labelled}",
        ]


def score(rows: list[tuple[tuple[str, ...], str]], verdict: str) -> Score:
    """The score of one verdict, for labels and what a rule said."""
    known = [(label, said) for label, said in rows if label]
    right = [verdict in label for label, said in known if said == verdict]
    found = [said in label for label, said in known if label[0] == verdict]
    return Score(len(right), sum(right), len(found), sum(found))


def labels_for(case: Case, verdict: str) -> tuple[str, ...]:
    """The labels of that one of the two verdicts which has such a word."""
    return case.learning if verdict in LEARNING_WORDS else case.gradient


def table(results: list[tuple[Case, Told]]) -> str:
    """The measured table in Markdown: our verdicts on the held-out half and on the other one, then
    the rules of others.
    """
    held, tuned = results[1::2], results[::2]
    lines = ["| rule | verdict | precision | | recall | |", "|---|---|---|---|---|---|"]

    def add(name: str, rule: str, verdict: str, some: list[tuple[Case, Told]]) -> None:
        found = score([(labels_for(case, verdict), said[rule]) for case, said in some], verdict)
        lines.append(f"| {' | '.join([name, verdict, *found.cells()])} |")

    for name, some in (("this project, held out", held), ("this project, the other half", tuned)):
        for rule, words in (("gradient", GRADIENT_WORDS), ("learning", LEARNING_WORDS)):
            for verdict in words:
                add(name, rule, verdict, some)
    for rule in results[0][1]:
        if rule not in OURS:
            for verdict in sorted({said[rule] for _, said in results} - {""}):
                add(f"{rule}, held out", rule, verdict, held)
    labels = [
        sum(bool(label) for label in pair)
        for pair in zip(*((c.gradient, c.learning) for c, _ in results), strict=True)
    ]
    causes = Counter(case.cause for case, _ in results)
    counts = ", ".join(f"{cause} {causes[cause]}" for cause in sorted(causes))
    known = (
        f"{len(results)} runs, {labels[0]} with a label for the gradient and {labels[1]} with one "
        f"for the learning: {counts}."
    )
    return "\n".join([known, "", *lines])


def measured(some: list[Case]) -> list[tuple[Case, Told]]:
    """Run cases and judge them."""
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        return [(case, told(run(case, Path(folder)))) for case in some]


def main() -> None:
    """Run all cases and print the table, or write it into docs/verdicts.md."""
    parser = argparse.ArgumentParser(description="How often the verdicts are right.")
    parser.add_argument(
        "--write", action="store_true", help="write the table into docs/verdicts.md"
    )
    write = parser.parse_args().write
    text = table(measured(cases()))
    if not write:
        print(text)
        return
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
