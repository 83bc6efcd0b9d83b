"""Optimiser: its numbers and its law.

On the port's own gradients, so that what differs in these is not told twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from experiments.causes._case import Case, Stage
from experiments.causes._change import told
from experiments.causes._hypothesis import Hypothesis, error, varied
from experiments.causes._identified import (
    EXACT,
    Config,
    close_enough,
    framework,
    identified,
    simulated,
    usual,
)
from experiments.causes._optimizer_decisions import both_sides, decisions
from experiments.causes._optimizer_lines import bias_line, line, place_line
from experiments.causes._steps import updates

STAGES: frozenset[Stage] = frozenset({"step"})
PAGE = "docs/migration/optimizer.md"
FRAMEWORKS = {"torch": "PyTorch", "keras": "Keras", "jax": "Optax"}


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause: the framework's way, one decision, then two that go together."""
    steps = case.port.steps
    if steps is None or len(steps.updates()) < 6 or not varied(steps.updates()):
        return
    base = identified(case)
    own = framework(base, case.port.backend)
    if own != base:
        yield _framework(case, base, own)
    if error(updates(own, steps), steps.updates()) < EXACT:
        return
    ones = list(decisions(case, own))
    for name, changed in ones:
        yield hypothesis(case, name, base, changed, own)
        if own != base:
            yield hypothesis(case, name, base, base | _difference(own, changed), base)
    yield from _solved(case, base, own)
    for name, changed in ones:
        for other, more in decisions(case, changed):
            if other > name:
                yield _two(case, name, other, base, more, own)


def _difference(old: Config, new: Config) -> Config:
    return {name: number for name, number in new.items() if old.get(name) != number}


def _framework(case: Case, base: Config, own: Config) -> Hypothesis:
    """Where epsilon is added."""
    words = {
        "outside": "after the bias correction",
        "inside": "before the bias correction",
        "root": "below the root",
    }
    mine = "outside of the root" if base["kind"] != "adam" else words[base["place"]]
    said = f"Place of epsilon: {mine} in the reference, {words[own['place']]} in the port."
    note = f"{FRAMEWORKS[case.port.backend]} does this itself."
    return _made(case, "place", said, place_line(case, base), own, base, note)


def hypothesis(case: Case, name: str, base: Config, changed: Config, own: Config) -> Hypothesis:
    """One decision."""
    also = own != base and changed.get("place") == own["place"]
    note = f"{FRAMEWORKS[case.port.backend]} adds epsilon elsewhere besides." if also else ""
    row = bias_line(case, base) if name == "second_bias" else line(case, base, name)
    return _made(case, name, f"{both_sides(name, base, changed)}.", row, changed, own, note)


def _made(
    case: Case, name: str, said: str, row: str, changed: Config, plain: Config, note: str = ""
) -> Hypothesis:
    steps = case.port.steps
    assert steps is not None
    close = close_enough(case, changed)
    return Hypothesis(
        name,
        said,
        row,
        lambda: simulated(changed, steps),
        note=note,
        plain=lambda: updates(plain, steps),
        close=close,
    )


def _two(
    case: Case, name: str, other: str, base: Config, changed: Config, own: Config
) -> Hypothesis:
    """Two decisions at once: a pair of common ones."""
    said = f"{both_sides(name, base, changed)}; {both_sides(other, base, changed)}."
    found = _made(case, f"{name}_and_{other}", said, line(case, base, name, other), changed, own)
    return replace(found, rank=1)


def _solved(case: Case, base: Config, own: Config) -> Iterator[Hypothesis]:
    """The rate, to which every step is proportional, and the momentum."""
    steps = case.port.steps
    assert steps is not None
    its = steps.updates()
    for config in (own, base) if own != base else (own,):
        plain = updates(config, steps)
        if not np.any(plain):
            continue
        factor = float(f"{float(np.vdot(plain, its) / np.vdot(plain, plain)):.7g}")
        rate = float(f"{config['rate'] * factor:.6g}")
        way = " (the step goes uphill)" if factor < 0 else ""
        said = (
            f"Learning rate: {told(base['rate'])} in the reference, {told(rate)} in the port{way} "
            "(solved from the steps)."
        )
        found = _made(case, "rate", said, line(case, base, "rate"), config | {"rate": rate}, own)
        yield replace(found, solved=True)
    yield from _decay(case, base, own, its)
    yield from _schedule(case, base, own, its)
    yield from _kind(case, base)


def _decay(case: Case, base: Config, own: Config, its: np.ndarray) -> Iterator[Hypothesis]:
    """To which a decoupled decay's part is proportional."""
    steps = case.port.steps
    assert steps is not None
    for decoupled in (True, False):
        none, one = (
            updates(own | {"decay": decay, "decoupled": decoupled}, steps) for decay in (0.0, 1.0)
        )
        part = one - none
        share = (
            float(f"{float(np.vdot(part, its - none) / np.vdot(part, part)):.6g}")
            if np.any(part)
            else 0.0
        )
        likely = share > 0 and (decoupled == own["decoupled"] or not own["decay"])
        if abs(share) > 1e-9:
            changed = own | {"decay": share, "decoupled": decoupled}
            found = hypothesis(case, "decay", base, changed, own)
            added = f"{told(-share * own['rate'])} times the weight is added to each step."
            note = added if decoupled and not likely else found.note
            yield replace(found, solved=True, rank=int(not likely), note=note)


def _kind(case: Case, base: Config) -> Iterator[Hypothesis]:
    """Another optimiser altogether, with its usual numbers."""
    steps = case.port.steps
    assert steps is not None
    clips = [{}, {"clip": base["clip"]}] if base["clip"] else [{}]
    for config in (each for more in clips for each in usual(steps, case.port.backend, **more)):
        if config["kind"] != base["kind"]:
            numbers = ", ".join(
                f"{n} {told(config[n])}" for n in ("rate", "momentum", "epsilon") if config.get(n)
            )
            said = (
                f"Optimiser: {base['kind']} in the reference, {config['kind']} in the port "
                f"({numbers})."
            )
            found = _made(case, "kind", said, line(case, base), config, base)
            yield replace(found, solved=True, rank=1)


def _schedule(case: Case, base: Config, own: Config, its: np.ndarray) -> Iterator[Hypothesis]:
    """A rate of its own in each step."""
    steps = case.port.steps
    assert steps is not None
    count = len(steps.gradients)
    plain = updates(own, steps).reshape(count, -1)
    rows = its.reshape(count, -1)
    if count < 2 or np.any(np.sum(np.square(plain), 1) == 0):
        return
    factors = np.sum(plain * rows, 1) / np.sum(np.square(plain), 1)
    if np.ptp(factors) > 1e-6 * np.max(np.abs(factors)):
        rates = ", ".join(told(float(f"{base['rate'] * factor:.5g}")) for factor in factors)
        said = (
            f"Learning rate: {told(base['rate'])} in the reference, {rates} in the port's steps "
            "(solved)."
        )
        port = (plain * factors[:, None]).ravel()
        row = line(case, base, "rate")
        yield Hypothesis(
            "schedule", said, row, lambda: port, plain=lambda: plain.ravel(), solved=True, rank=1
        )
