"""The answer of an experiment in sentences, made from its findings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from common.findings import DEFINITION, Configuration, Document, RunFinding
from common.verdict import SEVERITY


def first_run(configuration: Configuration) -> RunFinding | None:
    """The run that speaks for a configuration: that of the first backend which has a verdict."""
    return next((run for run in configuration.runs.values() if run.verdict), None)


def sentences(document: Document) -> Iterator[str]:
    """The answer: the verdicts counted, what became of the first configuration, which single change helped, agreement."""
    judged = [(c, run) for c in document.configurations if (run := first_run(c))]
    if not judged:
        yield "No run came to an end."
        return
    yield _counts([str(run.verdict) for _, run in judged])
    base, run = judged[0]
    yield f"{base.name}: {_gradient(base, run)}."
    if run.verdict != "healthy":
        yield from _changes(base, run, judged[1:])
    yield from _clipping(judged)
    yield from _accuracy(judged)
    yield _agreement(document)


def _clipping(judged: list[tuple[Configuration, RunFinding]]) -> Iterator[str]:
    """What clipping did to a gradient that explodes: it bounds the step, not the ratio."""
    for c, run in judged:
        if c.spec.clipping.kind == "none" and run.gradient.verdict in ("exploding", "non-finite"):
            for other, clipped in judged:
                if differences(c.spec, other.spec) == ["clipping"]:
                    yield (
                        f"{c.name} is {run.verdict}, and one step changes a layer's weights by up to {_update(run)} of their "
                        f"size; with {other.spec.clipping.kind} clipping it is {clipped.verdict}, by up to {_update(clipped)}."
                    )


def _update(run: RunFinding) -> str:
    mean = run.largest_update.mean if run.largest_update else None
    return "not finite" if mean is None else f"{mean:.1e}"


def _accuracy(judged: list[tuple[Configuration, RunFinding]]) -> Iterator[str]:
    scored = [(c, run.accuracy) for c, run in judged if run.accuracy and run.accuracy.mean is not None]
    if len(scored) > 1:
        best, accuracy = max(scored, key=lambda pair: pair[1].mean or 0)
        yield (
            f"Highest test accuracy after {best.spec.steps} steps: {best.name}, {accuracy.mean:.2f} ± {accuracy.std:.2f}; "
            f"{scored[0][0].name} has {scored[0][1].mean:.2f}."
        )


def _counts(verdicts: list[str]) -> str:
    words = [f"{verdicts.count(verdict)} {verdict}" for verdict in SEVERITY if verdict in verdicts]
    return f"Of {len(verdicts)} configurations, {', '.join(words)}."


def _gradient(configuration: Configuration, run: RunFinding) -> str:
    assert run.gradient_ratio
    ratio, depth = run.gradient_ratio.mean, configuration.spec.network.depth
    if run.verdict in ("dead", "non-finite") or not ratio:
        return f"{run.verdict}" + (f", {run.reason}" if run.reason else "")
    return f"{run.verdict}; layer 1 gets {ratio:.1e} times the gradient of layer {depth}"


def differences(a: Any, b: Any) -> list[str]:
    """The countermeasures and other parts of the plan in which two specs differ."""
    parts = [a.model_dump(mode="json"), b.model_dump(mode="json")]
    one, other = (part | part.pop("network") for part in parts)
    return [key for key in one if one[key] != other[key]]


def _changes(base: Configuration, run: RunFinding, others: list[tuple[Configuration, RunFinding]]) -> Iterator[str]:
    single = [(c, r) for c, r in others if len(differences(base.spec, c.spec)) == 1]
    healed = [(c, r) for c, r in single if r.verdict == "healthy"]
    if healed:
        gains = [f"{c.name} ({_decades(run, r)})" for c, r in healed]
        yield f"A single change brings the gradient back in {len(healed)} of {len(single)} cases: {', '.join(gains)}."
    elif single:
        yield "No single change brings the gradient back."
    rest = [f"{c.name} ({_decades(run, r)})" for c, r in single if r.verdict != "healthy"]
    if healed and rest:
        yield f"These single changes do not: {', '.join(rest)}."


def _decades(base: RunFinding, run: RunFinding) -> str:
    a, b = (r.gradient_ratio.mean if r.gradient_ratio else None for r in (base, run))
    if run.verdict in ("dead", "non-finite") or not a or not b:
        return str(run.verdict)
    decades = round(math.log10(b / a), 1) or 0.0  # no minus zero
    return f"{decades:+.1f} decades" if decades else "no change"


def _agreement(document: Document) -> str:
    runs = [(c, backend, run) for c in document.configurations for backend, run in c.runs.items()]
    known = [(c, backend, run) for c, backend, run in runs if run.agreement and run.agreement.agrees is not None]
    others = dict.fromkeys(backend for _, backend, _ in known if backend != DEFINITION)
    if not others:
        return "No framework was compared with the definition."
    broken = [(c, b) for c, b, run in known if run.agreement and not run.agreement.agrees]
    names = ", ".join(others)
    if not broken:
        return f"{names}: every run agrees with the definition."
    return f"Agreement is broken in {len(broken)} of {sum(b in others for _, b, _ in known)} runs; see below."
