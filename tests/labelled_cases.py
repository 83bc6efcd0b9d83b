"""Runs whose cause is known by construction, kind by kind; where their labels come from is in
tests/labelled.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import numpy as np

from tests.labelled_settings import FADING, GROWING, HEALTHY, LEARNABLE, ordinary, pick, settings_of
from tests.labelled_theory import Case, by_theory, decades

NOISE = ["noise", "noise of five", "lopsided noise"]


@cache
def cases() -> list[Case]:
    """All of them, shuffled."""
    rng = np.random.default_rng(5)
    kinds = (
        _healthy,
        _deep,
        _fading,
        _growing,
        _overflowing,
        _dead,
        _fast,
        _saturating,
        _slow,
        _noise,
        _few,
        _tiny,
    )
    found = [case for kind in kinds for case in kind(rng)]
    return [found[i] for i in rng.permutation(len(found))]


def _healthy(rng: np.random.Generator) -> Iterator[Case]:
    """Short and middling, at an ordinary rate for long enough: they learn."""
    for i in range(77):
        kind = HEALTHY[i % len(HEALTHY)]
        depth = pick(rng, [3, 4, 5, 6, 8, 10, 12])
        width = pick(rng, [16, 24, 32, 64])
        rate = ordinary(rng, kind)
        steps = pick(rng, [150, 200])
        seeds = pick(rng, [1, 2, 3])
        settings = settings_of(
            kind, depth=depth, width=width, steps=steps, learning_rate=rate, seeds=seeds
        )
        data = pick(rng, LEARNABLE)
        yield Case("healthy", settings, data, by_theory(settings, data), ("learns",))


def _deep(rng: np.random.Generator) -> Iterator[Case]:
    """Healthy in any depth and width, at a rate so small that they stay so; nothing is certain
    about the learning.
    """
    for i in range(66):
        depth = pick(rng, [3, 4, 6, 10, 20, 30, 50, 70, 100])
        width = pick(rng, [8, 12, 16, 32, 64, 128])
        batch = pick(rng, [16, 32, 64])
        seeds = pick(rng, [1, 2, 3])
        kind = HEALTHY[i % len(HEALTHY)]
        settings = settings_of(
            kind,
            depth=depth,
            width=width,
            steps=12,
            learning_rate=1e-6,
            batch_size=batch,
            seeds=seeds,
        )
        data = pick(rng, LEARNABLE)
        yield Case("healthy, any depth", settings, data, by_theory(settings, data))


def _fading(rng: np.random.Generator) -> Iterator[Case]:
    """Of those whose own depth is enough to stop them it is certain that they do not learn."""
    for i in range(80):
        depth = pick(rng, [3, 4, 5, 6, 8, 12, 20, 30, 50, 100])
        width = pick(rng, [8, 16, 32, 64, 128])
        rate = pick(rng, [0.01, 0.03, 0.1])
        steps = pick(rng, [20, 50, 100])
        settings = settings_of(
            FADING[i % len(FADING)], depth=depth, width=width, steps=steps, learning_rate=rate
        )
        own, spread = decades(settings, depth)
        stuck = ("has not learnt",) if own + 2 * spread < -4 else ()
        data = pick(rng, LEARNABLE)
        yield Case("vanishing", settings, data, by_theory(settings, data), stuck)


def _growing(rng: np.random.Generator) -> Iterator[Case]:
    """At a rate so small that nothing moves: what trains away is not the start's doing."""
    for i in range(42):
        depth = pick(rng, [4, 5, 6, 8, 12, 20, 30, 60])
        width = pick(rng, [32, 64, 128])
        settings = settings_of(GROWING[i % len(GROWING)], depth=depth, width=width, steps=12)
        own, _ = decades(settings, depth)
        settings["learning_rate"] = 10.0 ** -(6 + 2 * max(0, math.ceil(own)))
        data = pick(rng, LEARNABLE)
        yield Case("exploding", settings, data, by_theory(settings, data))


def _overflowing(rng: np.random.Generator) -> Iterator[Case]:
    """A hundred thousand times the gradient in every step of networks that do not saturate."""
    for i in range(16):
        kind = [("relu", 0.5), ("leaky_relu", 0.5), ("elu", 0.5), ("prelu", 0.5)][i % 4]
        settings = settings_of(
            (kind[0], {"kind": "gaussian", "std": kind[1]}),
            depth=pick(rng, [20, 30, 40]), width=pick(rng, [64, 128]), steps=20,
            learning_rate=pick(rng, [0.03, 0.1]),
        )  # fmt: skip
        own, spread = decades(settings, settings["depth"])
        if own - 2 * spread > 6:
            yield Case(
                "overflow",
                settings,
                pick(rng, LEARNABLE),
                ("non-finite", "exploding"),
                ("diverged",),
            )


def _dead(rng: np.random.Generator) -> Iterator[Case]:
    narrow = [(1, 16), (1, 30), (1, 60), (2, 50), (2, 80), (2, 100), (3, 100)]
    for i in range(21):
        width, depth = narrow[i % len(narrow)]
        settings = settings_of(
            ("relu", "he"), depth=depth, width=width, steps=pick(rng, [20, 40]), learning_rate=0.03
        )
        yield Case("born dead", settings, pick(rng, LEARNABLE), ("dead",), ("has not learnt",))
    for i in range(12):
        std, depth = [(1e-6, 70), (1e-5, 90), (1e-4, 100), (1e-7, 60)][i % 4]
        kind = ("sigmoid", {"kind": "gaussian", "std": std})
        settings = settings_of(kind, depth=depth, width=16, steps=20, learning_rate=0.03)
        yield Case("underflow", settings, pick(rng, LEARNABLE), ("dead",), ("has not learnt",))


def _fast(rng: np.random.Generator) -> Iterator[Case]:
    """The bias of the output alone is stable up to a rate of a few units."""
    for i in range(44):
        depth = pick(rng, [4, 6, 10, 15])
        rate = float(pick(rng, [100, 300, 1000, 1e4]))
        steps = pick(rng, [20, 60])
        settings = settings_of(
            HEALTHY[i % len(HEALTHY)], depth=depth, width=32, steps=steps, learning_rate=rate
        )
        yield Case("rate too high", settings, pick(rng, ["digits", "blobs"]), (), ("diverged",))


def _saturating(rng: np.random.Generator) -> Iterator[Case]:
    """The weights of a tanh network grow until its units are at their ends, where the derivative is
    nearly 0.
    """
    for i in range(12):
        depth = [8, 10, 12, 16, 20, 30][i % 6]
        width = pick(rng, [32, 64])
        settings = settings_of(
            ("tanh", "xavier"),
            depth=depth,
            width=width,
            steps=60,
            learning_rate=pick(rng, [10.0, 30.0]),
        )
        yield Case(
            "saturates while training", settings, "digits", ("vanishing", "dead"), ("diverged",)
        )


def _slow(rng: np.random.Generator) -> Iterator[Case]:
    for i in range(22):
        depth = pick(rng, [3, 5, 8, 15, 30])
        width = pick(rng, [16, 32, 64])
        steps = pick(rng, [20, 50])
        rate = pick(rng, [1e-7, 1e-9])
        settings = settings_of(
            HEALTHY[i % len(HEALTHY)], depth=depth, width=width, steps=steps, learning_rate=rate
        )
        data = pick(rng, LEARNABLE)
        yield Case("rate too low", settings, data, by_theory(settings, data), ("has not learnt",))


def _noise(rng: np.random.Generator) -> Iterator[Case]:
    for i in range(44):
        kind = HEALTHY[i % len(HEALTHY)]
        depth = pick(rng, [3, 5, 8])
        steps = pick(rng, [50, 150, 400])
        settings = settings_of(
            kind, depth=depth, width=32, steps=steps, learning_rate=ordinary(rng, kind)
        )
        yield Case(
            "labels by lot",
            settings,
            NOISE[i % 3],
            by_theory(settings, NOISE[i % 3]),
            ("has not learnt",),
        )


def _few(rng: np.random.Generator) -> Iterator[Case]:
    for i in range(22):
        depth = pick(rng, [3, 5, 10, 30])
        width = pick(rng, [32, 64])
        steps = pick(rng, [1, 2, 4])
        settings = settings_of(
            HEALTHY[i % len(HEALTHY)], depth=depth, width=width, steps=steps, learning_rate=0.001
        )
        yield Case(
            "too few steps", settings, "digits", by_theory(settings, "digits"), ("cannot be told",)
        )


def _tiny(rng: np.random.Generator) -> Iterator[Case]:
    for i in range(22):
        kind = HEALTHY[i % len(HEALTHY)]
        depth = pick(rng, [3, 5, 10])
        settings = settings_of(
            kind, depth=depth, width=32, steps=40, learning_rate=0.01, batch_size=8
        )
        yield Case(
            "too few samples", settings, pick(rng, ["twenty", "fifteen"]), (), ("cannot be told",)
        )
