"""Runs whose cause is known by construction, and how often the verdicts name it: `python -m tests.labelled [--write]`.

A label comes from theory or from the construction, never from what the run then did:

- gradient: mean field theory along the trajectory of the second moment, with its correction for the width (`test_theory`),
  gives the decades between the first and the last layer and their spread over draws, at the depth of the network and at 30
  layers. Within two spreads and half a decade of a bound nothing is certain, and there is no label.
- dead: a ReLU layer of n units is dead with a probability of about 1 / 2^n, so that a deep narrow network is; or the gradient
  would be below 1e-330, which float64 does not hold.
- learning: a network whose first layer gets less than 1e-4, or that is dead, or has a rate of 1e-7 or labels drawn by lot, has
  not learnt; a rate a hundred times too high, or a gradient of 1e6 in a network without saturation, diverges; one to four test
  samples or steps tell nothing; a gradient that comes through, an ordinary rate and data that can be learnt: it learns.

The runs are those of the definition, in float64. Every other one of a shuffled list was looked at while the rules were made;
the rest is held out. Both halves are in the table of docs/verdicts.md, beside the rules of others.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import backends
from common import draw, task
from common.architectures import Perceptron
from common.backend import side_by_side, train
from common.countermeasures.initialization import standard_deviation
from common.plan import Plan
from common.trace import Trace
from experiments.evaluation import accuracy, guessing_loss
from experiments.experiment import Experiment, plans
from experiments.findings.gradient import GRADIENT_WORDS, Thresholds, gradient
from experiments.findings.learning import LEARNING_WORDS, learning
from experiments.findings.score import Accuracies, Guessing
from experiments.findings.verdict import Judgement
from tests.mean_field import PHI, Z, batch_norm_rate, mean

PAGE = Path(__file__).parents[1] / "docs" / "verdicts.md"
BEGIN, END = "<!-- measured: python -m tests.labelled --write -->", "<!-- end -->"


@dataclass(frozen=True)
class Case:
    """A plan's settings with the verdicts that are known; several where either is right, none where nothing is certain."""

    cause: str
    settings: dict[str, Any]
    data: str
    gradient: tuple[str, ...] = ()
    learning: tuple[str, ...] = ()


class Ran(NamedTuple):
    """What a run measured."""

    plan: Plan
    trace: Trace
    accuracy: list[float]
    guessing: Guessing
    guessing_loss: float


# ---- theory


def decades(settings: dict[str, Any], depth: int) -> tuple[float, float]:
    """Decades of signal gradient between the first and the last of `depth` layers, and their spread over draws."""
    plan = plan_of(Case("", settings | {"depth": 3}, "digits"), Path())
    width, activation = plan.network.units, plan.network.activation.kind
    phi, slope = PHI[activation]
    s = standard_deviation(plan.initialization, width, width) ** 2 * width
    assert isinstance(plan.network, Perceptron)
    if plan.network.normalization.rescales:
        rate = math.log10(batch_norm_rate(activation, plan.task.batch_size)) / 2
        return rate * (depth - 1), 0.05 * math.sqrt(depth)
    features = plan.network.features
    q = standard_deviation(plan.initialization, features, width) ** 2 * features
    log_ratio, variance = 0.0, 0.0
    for _ in range(depth - 1):
        q = s * mean(phi(np.sqrt(q) * Z) ** 2)
        squared = slope(np.sqrt(q) * Z) ** 2
        log_ratio += math.log(max(s * mean(squared), 1e-300))
        variance += min(3 * mean(squared**2) / mean(squared) ** 2 - 1, 50) / width
    return (log_ratio - variance / 2) / 2 / math.log(10), math.sqrt(1.5 * variance) / 2 / math.log(10)


def by_theory(settings: dict[str, Any], data: str) -> tuple[str, ...]:
    """The gradient's verdict, where theory is certain of it: that of batch norm is for samples in many directions."""
    if settings.get("normalization", "none") == "batch" and data == "xor":
        return ()
    own, own_spread = decades(settings, settings["depth"])
    deep, spread = decades(settings, max(30, settings["depth"]))
    margin = 2 * spread + 0.5
    if own - 2 * own_spread < -320:
        return ()
    if deep < -3 - margin:
        return ("vanishing",)
    if deep > 3 + margin:
        return ("exploding",)
    return ("comes through",) if abs(deep) < 3 - margin else ()


# ---- data


def _blobs(rng: np.random.Generator, samples: int, features: int, shares: list[float], separation: float) -> tuple:
    y = rng.choice(len(shares), samples, p=shares)
    return rng.normal(size=(len(shares), features))[y] * separation + rng.normal(size=(samples, features)), y


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


# ---- cases

HEALTHY = [
    ("tanh", "xavier", "none"), ("tanh", "he", "none"), ("relu", "he", "none"), ("leaky_relu", "he", "none"),
    ("prelu", "he", "none"), ("elu", "he", "none"), ("elu", "xavier", "none"), ("sigmoid", "xavier", "batch"),
    ("tanh", "xavier", "batch"), ("elu", "he", "batch"), ("relu", "he", "batch"),
]  # fmt: skip
FADING = [
    ("sigmoid", "xavier"), ("sigmoid", "he"), ("relu", "xavier"), ("leaky_relu", "xavier"), ("prelu", "xavier"),
    ("tanh", {"kind": "gaussian", "std": 0.05}), ("elu", {"kind": "gaussian", "std": 0.03}),
    ("relu", {"kind": "gaussian", "std": 0.02}), ("sigmoid", {"kind": "gaussian", "std": 0.3}),
    ("tanh", {"kind": "xavier", "fan": "avg", "distribution": "uniform"}),
]  # fmt: skip
GROWING = [
    ("tanh", {"kind": "gaussian", "std": 0.35}), ("tanh", {"kind": "gaussian", "std": 0.6}),
    ("relu", {"kind": "gaussian", "std": 0.35}), ("elu", {"kind": "gaussian", "std": 0.35}),
    ("leaky_relu", {"kind": "gaussian", "std": 0.5}), ("prelu", {"kind": "gaussian", "std": 0.3}),
    ("sigmoid", {"kind": "gaussian", "std": 6.0}),
]  # fmt: skip
LEARNABLE = ["digits", "digits", "blobs", "pair", "lopsided", "very lopsided", "xor"]
NOISE = ["noise", "noise of five", "lopsided noise"]


def cases() -> list[Case]:
    """All of them, shuffled."""
    rng = np.random.default_rng(5)
    kinds = (_healthy, _deep, _fading, _growing, _overflowing, _dead, _fast, _saturating, _slow, _noise, _few, _tiny)
    found = [case for kind in kinds for case in kind(rng)]
    return [found[i] for i in rng.permutation(len(found))]


def _pick(rng: np.random.Generator, options: list[Any]) -> Any:
    return options[rng.integers(len(options))]


def _settings(countermeasures: tuple[Any, ...], **numbers: Any) -> dict[str, Any]:
    names = ("activation", "initialization", "normalization")
    return {"seeds": 3, "batch_size": 32} | dict(zip(names, countermeasures, strict=False)) | numbers


def _ordinary(rng: np.random.Generator, countermeasures: tuple[Any, ...]) -> float:
    """A rate that everybody would try; ELU with He, whose signal grows from layer to layer, takes less."""
    return _pick(rng, [0.01, 0.02] if countermeasures == ("elu", "he", "none") else [0.05, 0.1])


def _healthy(rng: np.random.Generator) -> Iterator[Case]:
    """Short and middling, at an ordinary rate for long enough: they learn."""
    for i in range(77):
        kind = HEALTHY[i % len(HEALTHY)]
        depth, width = _pick(rng, [3, 4, 5, 6, 8, 10, 12]), _pick(rng, [16, 24, 32, 64])
        rate, steps, seeds = _ordinary(rng, kind), _pick(rng, [150, 200]), _pick(rng, [1, 2, 3])
        settings = _settings(kind, depth=depth, width=width, steps=steps, learning_rate=rate, seeds=seeds)
        data = _pick(rng, LEARNABLE)
        yield Case("healthy", settings, data, by_theory(settings, data), ("learns",))


def _deep(rng: np.random.Generator) -> Iterator[Case]:
    """Healthy in any depth and width, at a rate so small that they stay so; nothing is certain about the learning."""
    for i in range(66):
        depth, width = _pick(rng, [3, 4, 6, 10, 20, 30, 50, 70, 100]), _pick(rng, [8, 12, 16, 32, 64, 128])
        batch, seeds = _pick(rng, [16, 32, 64]), _pick(rng, [1, 2, 3])
        kind = HEALTHY[i % len(HEALTHY)]
        settings = _settings(kind, depth=depth, width=width, steps=12, learning_rate=1e-6, batch_size=batch, seeds=seeds)
        data = _pick(rng, LEARNABLE)
        yield Case("healthy, any depth", settings, data, by_theory(settings, data))


def _fading(rng: np.random.Generator) -> Iterator[Case]:
    """Of those whose own depth is enough to stop them it is certain that they do not learn."""
    for i in range(80):
        depth, width = _pick(rng, [3, 4, 5, 6, 8, 12, 20, 30, 50, 100]), _pick(rng, [8, 16, 32, 64, 128])
        rate, steps = _pick(rng, [0.01, 0.03, 0.1]), _pick(rng, [20, 50, 100])
        settings = _settings(FADING[i % len(FADING)], depth=depth, width=width, steps=steps, learning_rate=rate)
        own, spread = decades(settings, depth)
        stuck = ("has not learnt",) if own + 2 * spread < -4 else ()
        data = _pick(rng, LEARNABLE)
        yield Case("vanishing", settings, data, by_theory(settings, data), stuck)


def _growing(rng: np.random.Generator) -> Iterator[Case]:
    """At a rate so small that nothing moves: what trains away is not the start's doing."""
    for i in range(42):
        depth, width = _pick(rng, [4, 5, 6, 8, 12, 20, 30, 60]), _pick(rng, [32, 64, 128])
        settings = _settings(GROWING[i % len(GROWING)], depth=depth, width=width, steps=12)
        own, _ = decades(settings, depth)
        settings["learning_rate"] = 10.0 ** -(6 + 2 * max(0, math.ceil(own)))
        data = _pick(rng, LEARNABLE)
        yield Case("exploding", settings, data, by_theory(settings, data))


def _overflowing(rng: np.random.Generator) -> Iterator[Case]:
    """A hundred thousand times the gradient in every step of networks that do not saturate."""
    for i in range(16):
        kind = [("relu", 0.5), ("leaky_relu", 0.5), ("elu", 0.5), ("prelu", 0.5)][i % 4]
        settings = _settings(
            (kind[0], {"kind": "gaussian", "std": kind[1]}),
            depth=_pick(rng, [20, 30, 40]), width=_pick(rng, [64, 128]), steps=20, learning_rate=_pick(rng, [0.03, 0.1]),
        )  # fmt: skip
        own, spread = decades(settings, settings["depth"])
        if own - 2 * spread > 6:
            yield Case("overflow", settings, _pick(rng, LEARNABLE), ("non-finite", "exploding"), ("diverged",))


def _dead(rng: np.random.Generator) -> Iterator[Case]:
    narrow = [(1, 16), (1, 30), (1, 60), (2, 50), (2, 80), (2, 100), (3, 100)]
    for i in range(21):
        width, depth = narrow[i % len(narrow)]
        settings = _settings(("relu", "he"), depth=depth, width=width, steps=_pick(rng, [20, 40]), learning_rate=0.03)
        yield Case("born dead", settings, _pick(rng, LEARNABLE), ("dead",), ("has not learnt",))
    for i in range(12):
        std, depth = [(1e-6, 70), (1e-5, 90), (1e-4, 100), (1e-7, 60)][i % 4]
        kind = ("sigmoid", {"kind": "gaussian", "std": std})
        settings = _settings(kind, depth=depth, width=16, steps=20, learning_rate=0.03)
        yield Case("underflow", settings, _pick(rng, LEARNABLE), ("dead",), ("has not learnt",))


def _fast(rng: np.random.Generator) -> Iterator[Case]:
    """The bias of the output alone is stable up to a rate of a few units."""
    for i in range(44):
        depth, rate, steps = _pick(rng, [4, 6, 10, 15]), float(_pick(rng, [100, 300, 1000, 1e4])), _pick(rng, [20, 60])
        settings = _settings(HEALTHY[i % len(HEALTHY)], depth=depth, width=32, steps=steps, learning_rate=rate)
        yield Case("rate too high", settings, _pick(rng, ["digits", "blobs"]), (), ("diverged",))


def _saturating(rng: np.random.Generator) -> Iterator[Case]:
    """The weights of a tanh network grow until its units are at their ends, where the derivative is nearly 0."""
    for i in range(12):
        depth, width = [8, 10, 12, 16, 20, 30][i % 6], _pick(rng, [32, 64])
        settings = _settings(("tanh", "xavier"), depth=depth, width=width, steps=60, learning_rate=_pick(rng, [10.0, 30.0]))
        yield Case("saturates while training", settings, "digits", ("vanishing", "dead"), ("diverged",))


def _slow(rng: np.random.Generator) -> Iterator[Case]:
    for i in range(22):
        depth, width, steps = _pick(rng, [3, 5, 8, 15, 30]), _pick(rng, [16, 32, 64]), _pick(rng, [20, 50])
        rate = _pick(rng, [1e-7, 1e-9])
        settings = _settings(HEALTHY[i % len(HEALTHY)], depth=depth, width=width, steps=steps, learning_rate=rate)
        data = _pick(rng, LEARNABLE)
        yield Case("rate too low", settings, data, by_theory(settings, data), ("has not learnt",))


def _noise(rng: np.random.Generator) -> Iterator[Case]:
    for i in range(44):
        kind, depth, steps = HEALTHY[i % len(HEALTHY)], _pick(rng, [3, 5, 8]), _pick(rng, [50, 150, 400])
        settings = _settings(kind, depth=depth, width=32, steps=steps, learning_rate=_ordinary(rng, kind))
        yield Case("labels by lot", settings, NOISE[i % 3], by_theory(settings, NOISE[i % 3]), ("has not learnt",))


def _few(rng: np.random.Generator) -> Iterator[Case]:
    for i in range(22):
        depth, width, steps = _pick(rng, [3, 5, 10, 30]), _pick(rng, [32, 64]), _pick(rng, [1, 2, 4])
        settings = _settings(HEALTHY[i % len(HEALTHY)], depth=depth, width=width, steps=steps, learning_rate=0.001)
        yield Case("too few steps", settings, "digits", by_theory(settings, "digits"), ("cannot be told",))


def _tiny(rng: np.random.Generator) -> Iterator[Case]:
    for i in range(22):
        kind, depth = HEALTHY[i % len(HEALTHY)], _pick(rng, [3, 5, 10])
        settings = _settings(kind, depth=depth, width=32, steps=40, learning_rate=0.01, batch_size=8)
        yield Case("too few samples", settings, _pick(rng, ["twenty", "fifteen"]), (), ("cannot be told",))


# ---- runs and scores


def plan_of(case: Case, folder: Path) -> Plan:
    """The case as a plan."""
    data = case.data if case.data == "digits" else str(folder / f"{case.data}.npz")
    base = case.settings | {"data": data}
    return plans(Experiment(question="?", base=base, configuration=({"name": "it"},)))["it"]


def run(case: Case, folder: Path) -> Ran:
    """Run the definition."""
    plan = plan_of(case, folder)
    data, wing, parts, found = task.load(plan.task), backends.load("numpy"), [], []
    for group in plan.groups():
        program = wing.program(group, "cpu")
        program.load(draw.state(group), group)
        parts.append(train(program, group, draw.batches(group, data)))
        found += accuracy(program, group, data)
    guessing = Guessing(data.guessing, len(data.y_test), data.best_guess)
    return Ran(plan, side_by_side(parts).trace, found, guessing, guessing_loss(plan, data))


def verdicts(ran: Ran) -> tuple[Judgement, Judgement]:
    """Both, with the default thresholds."""
    return gradient(ran.trace, Thresholds()), learning(ran.trace, Accuracies(ran.accuracy, ran.guessing), ran.guessing_loss)


Told = dict[str, str]
"""What every rule says of a run, by the rule's name."""

OURS = ("gradient", "learning")


def told(ran: Ran) -> Told:
    """What our verdicts say, and the rules of others; a rule that does not fire says nothing."""
    with np.errstate(all="ignore"):
        weights = ran.trace.quantities["weight_gradient_rms"][:, 0]
        network = ran.plan.network
        norms = weights * np.sqrt([network.features * network.units, *[network.units**2] * (len(network.sites) - 1)])
        small = (norms[:, 0] < 1e-4) & (norms[:, 0] / norms[:, -1] < 1e-3)
        dead = ran.trace.quantities["dead_fraction"][:, -1].mean(1) >= 0.7
        fallen = ran.trace.loss[:, -1] < ran.trace.loss[:, 0]
    above = np.array(ran.accuracy) > ran.guessing.accuracy
    return {
        **dict(zip(OURS, (judgement.verdict for judgement in verdicts(ran)), strict=True)),
        "first norm below 1e-4 and first/last below 1e-3": "vanishing" if np.mean(small) > 0.5 else "",
        "mean gradient below 1e-7": "vanishing" if np.mean(weights.mean(1) < 1e-7) > 0.5 else "",
        "70 % of the units without gradient": "dead" if np.mean(dead) > 0.5 else "",
        "accuracy above guessing": "learns" if np.mean(above) > 0.5 else "has not learnt",
        "last loss below the first": "learns" if np.mean(fallen) > 0.5 else "has not learnt",
    }


class Score(NamedTuple):
    """How often a rule said a verdict, how often that was right; how often it was the label, and how often that was said."""

    said: int
    right: int
    labelled: int
    found: int

    def cells(self) -> list[str]:
        """The score as cells of the table."""
        shares = [f"{a / b:.3f}" if b else "-" for a, b in ((self.right, self.said), (self.found, self.labelled))]
        return [shares[0], f"{self.right} of {self.said}", shares[1], f"{self.found} of {self.labelled}"]


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
    """The measured table in Markdown: our verdicts on the held-out half and on the other one, then the rules of others."""
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
    labels = [sum(bool(label) for label in pair) for pair in zip(*((c.gradient, c.learning) for c, _ in results), strict=True)]
    causes = Counter(case.cause for case, _ in results)
    counts = ", ".join(f"{cause} {causes[cause]}" for cause in sorted(causes))
    known = (
        f"{len(results)} runs, {labels[0]} with a label for the gradient and {labels[1]} with one for the learning: {counts}."
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
    parser.add_argument("--write", action="store_true", help="write the table into docs/verdicts.md")
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
