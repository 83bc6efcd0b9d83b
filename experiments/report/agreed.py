"""Agreement with the definition in words: counted, and what is broken or cannot be judged named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from backends import DEFINITION
from common import agreement
from experiments.findings.document import Agreement, Document

JUDGEMENTS = ("agrees", "cannot be judged", "broken")


class Compared(NamedTuple):
    """A run's agreement, and whose it is."""

    backend: str
    name: str
    agreement: Agreement


def compared(document: Document) -> dict[str, list[Compared]]:
    """By framework, the runs that were compared with the definition."""
    found: dict[str, list[Compared]] = {}
    for c in document.configurations:
        for backend, run in c.runs.items():
            if backend != DEFINITION and run.agreement:
                found.setdefault(backend, []).append(Compared(backend, c.name, run.agreement))
    return found


def lines(document: Document) -> Iterator[str]:
    """For each framework its counts, and below them what cannot be judged and what is broken."""
    found = compared(document)
    if not found:
        yield "No framework was compared with the definition."
    for backend, runs in found.items():
        yield _counts(backend, runs)
        yield from _unjudged(runs)
    for runs in found.values():
        for run in runs:
            yield from broken(run)


def _counts(backend: str, runs: list[Compared]) -> str:
    first = sum(run.agreement.first_step.outcome == "agrees" for run in runs)
    single = sum(run.agreement.single_steps.outcome == "agrees" for run in runs)
    return (
        f"{backend}: first step: {first} of {len(runs)} agree; single steps from the same state: "
        f"{single} of {len(runs)}; free runs: {free_runs([run.agreement for run in runs])}."
    )


def free_runs(found: list[Agreement]) -> str:
    """How many free runs came to what."""
    words = {
        "comparable": "comparable to the end in {}",
        "chaotic": "chaotic in {}",
        "broken": "broken in {}",
    }
    words |= {"cannot be judged": "cannot be judged in {}"}
    counts = Counter((one.free_run.outcome, _why_chaotic(one)) for one in found)
    told = sorted(counts, key=lambda pair: (list(words).index(pair[0]), pair[1]))
    return ", ".join(words[outcome].format(counts[outcome, why]) + why for outcome, why in told)


def _why_chaotic(found: Agreement) -> str:
    """What a chaotic run's reason says after its step, in brackets; nothing for the others."""
    why = (
        (found.free_run.reason or "").partition(": ")[2]
        if found.free_run.outcome == "chaotic"
        else ""
    )
    return f" ({why})" if why else ""


def _unjudged(runs: list[Compared]) -> Iterator[str]:
    """What cannot be judged, runs with one reason together."""
    reasons: dict[str, list[str]] = {}
    for run in runs:
        a = run.agreement
        parts = (("a step from the same state", a.single_steps), ("the free run", a.free_run))
        for what, part in parts:
            if part.outcome == "cannot be judged":
                reasons.setdefault(f"{what} cannot be judged in {{}}: {part.reason}", []).append(
                    run.name
                )
    for text, names in reasons.items():
        count = f"{len(names)} of {len(runs)}"
        yield f"{runs[0].backend}: {text.replace('{}', count, 1)} ({', '.join(names)})"


def broken(run: Compared) -> Iterator[str]:
    """What of a run does not agree: what, where, the error and its bound."""
    a, who = run.agreement, f"Broken: {run.backend}, {run.name}"
    if a.single_steps.outcome == "broken":
        found = a.single_steps
        where = found.where or "a step from the same state"
        yield (
            f"{who}: "
            f"{found.reason or f'{where}: error {error(found.error)}, bound {error(found.bound)}'}"
        )
    if a.free_run.outcome == "broken":
        at = f"the free run at step {a.free_run.step}"
        yield (
            f"{who}: {at}: divergence {error(a.free_run.divergence)}, bound "
            f"{error(a.free_run.bound)}"
        )


def error(value: float | None) -> str:
    """An error or a bound; null is infinity."""
    return "infinite" if value is None else f"{value:.1e}"


def share(value: float | None, bound: float | None) -> float:
    """An error over its bound, infinite where it is."""
    if value is None:
        return float("inf")
    return agreement.share(value, float("inf") if bound is None else bound)


class Worst(NamedTuple):
    """Whatever is nearest to its bound, or furthest beyond it."""

    backend: str
    what: str
    error: float | None
    bound: float | None
    where: str
    name: str


def worst(document: Document) -> Iterator[Worst]:
    """By framework.

    Of all steps from the same state, and of all free runs, those with the largest error over its
    bound.
    """
    for backend, runs in compared(document).items():
        steps = [run for run in runs if run.agreement.single_steps.outcome != "cannot be judged"]
        if steps:
            run = max(
                steps,
                key=lambda run: share(
                    run.agreement.single_steps.error, run.agreement.single_steps.bound
                ),
            )
            check = run.agreement.single_steps
            yield Worst(
                backend, "single steps", check.error, check.bound, check.where or "", run.name
            )
        free = [run for run in runs if run.agreement.free_run.bound is not None]
        if free:
            run = max(
                free,
                key=lambda run: share(
                    run.agreement.free_run.divergence, run.agreement.free_run.bound
                ),
            )
            found = run.agreement.free_run
            until = (
                f"compared up to step {found.step}"
                if found.step is not None
                else "compared to the end"
            )
            yield Worst(backend, "free run", found.divergence, found.bound, until, run.name)


def summary(found: list[Agreement]) -> list[str]:
    """For a table: first step, single steps, free runs of one configuration on all frameworks."""
    if not found:
        return ["-", "-", "-"]
    steps = [[one.first_step.outcome for one in found], [one.single_steps.outcome for one in found]]
    free: list[str] = []
    for one in found:
        step = f" from step {one.free_run.step}" if one.free_run.outcome == "chaotic" else ""
        free.append(f"{one.free_run.outcome}{step}")
    return [*map(_agreeing, steps), _alike(free)]


def _agreeing(outcomes: list[str]) -> str:
    counts = Counter(outcomes)
    others = [f"{counts[word]} {word}" for word in JUDGEMENTS[1:] if counts[word]]
    return ", ".join([f"{counts['agrees']} of {len(outcomes)}", *others])


def _alike(words: list[str]) -> str:
    counts = Counter(words)
    return (
        words[0]
        if len(counts) == 1
        else ", ".join(f"{count} {word}" for word, count in counts.items())
    )
