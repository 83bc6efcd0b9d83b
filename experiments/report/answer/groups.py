"""The groups of an answer.

Every configuration in exactly one, with its numbers and what these do not say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from experiments.findings.document import Configuration, Document, RunFinding
from experiments.findings.thresholds import Thresholds
from experiments.report.cells import geometric, head_of_result, loss, ratio, result
from experiments.report.speaker import counted, first_run, judged, notes, underflowed

GROUPS = {
    "learns": "The gradient comes through, and the network learns",
    "has not learnt": "The gradient comes through, and the network has not learnt",
    "cannot be told": "The gradient comes through; whether the network learns cannot be told",
    "vanishing": "The gradient vanishes",
    "exploding": "The gradient explodes",
    "failed": "Failed",
}


def heads(document: Document) -> tuple[str, ...]:
    """Of the columns of the answer's table."""
    result = head_of_result([document], "accuracy\n(guessing)")
    return ("configuration", "gradient\nfirst/last", "loss", result)


class Line(NamedTuple):
    """A configuration in its group: name, the cells below its `heads`, and what else is said."""

    name: str
    cells: list[str]
    notes: list[str]


@dataclass(frozen=True)
class Group:
    """Configurations that came to the same."""

    key: str
    title: str
    lines: list[Line]


def groups(document: Document) -> list[Group]:
    """Every configuration in exactly one group, those in the order in which they were asked for."""
    found: dict[str, list[Line]] = {key: [] for key in GROUPS}
    for c in document.configurations:
        found[group_of(c)].append(_line(c, document.thresholds))
    return [Group(key, title, found[key]) for key, title in GROUPS.items() if found[key]]


def group_of(configuration: Configuration) -> str:
    """The key of a configuration's group."""
    run = first_run(configuration)
    if run is None or not run.gradient or not run.learning:
        return "failed"
    gradient = run.gradient.verdict
    learning = run.learning.verdict
    if gradient == "dead" and underflowed(configuration):
        return "vanishing"
    if run.status != "finished" or learning == "diverged" or gradient in ("dead", "non-finite"):
        return "failed"
    return learning if gradient == "comes through" else gradient


def _line(configuration: Configuration, bounds: Thresholds) -> Line:
    run = first_run(configuration)
    if run is None:
        reasons = dict.fromkeys(
            f"{run.status}: {run.reason}" for run in configuration.runs.values()
        )
        return Line(configuration.name, ["-"] * 3, list(reasons))
    guess = "" if run.guessing is None or result(run) == "-" else f" ({run.guessing:.2f})"
    cells = [ratio(run), loss(run), result(run).split(" ±")[0] + guess]
    said = list(_verdict(configuration, run, bounds))
    beside = [note for note in notes(configuration, run) if not _told_by(said, note, run)]
    return Line(configuration.name, cells, [*said, *beside])


def _told_by(said: list[str], note: str, run: RunFinding) -> bool:
    """Whether a note counts seeds that a reason in the line has counted."""
    counts = {counted(found.seeds): found.reason for found in (run.gradient, run.learning) if found}
    return any(counts.get(note) and counts[note] in one for one in said)


def _verdict(configuration: Configuration, run: RunFinding, bounds: Thresholds) -> Iterator[str]:
    """What the title of the group and the numbers do not say."""
    assert run.gradient
    assert run.learning
    group = group_of(configuration)
    words = run.gradient.verdict, run.learning.verdict
    if group == "failed":
        if words[1] == "diverged" and words[0] in ("vanishing", "exploding"):
            yield words[0]
        found = (
            run.learning
            if words[1] == "diverged" and words[0] not in ("dead", "non-finite")
            else run.gradient
        )
        said = not found.reason or (run.reason or "").startswith(found.reason)  # among the notes
        yield found.verdict if said else f"{found.verdict}: {found.reason}"
    if group in ("vanishing", "exploding"):
        ratio = geometric(run.gradient_ratio)
        if ratio and bounds.vanishing <= ratio <= bounds.exploding and run.gradient.reason:
            # such a ratio does not look like it
            deeper = re.search(r"it would be [^)]*", run.gradient.reason)
            yield deeper[0] if deeper else beyond_the_rate(run.gradient.reason)
        if words[1] == "learns":
            yield "and yet it learns"
    if group != "failed" and words[1] == "has not learnt" and _looks_better_than_guessing(run):
        yield run.learning.reason
    others = {backend: other for backend, other in judged(configuration).items() if other.gradient}
    for backend, other in others.items():
        if (
            other.gradient
            and other.learning
            and (other.gradient.verdict, other.learning.verdict) != words
        ):
            said = f"{backend}: {other.gradient.verdict}, {other.learning.verdict}"
            yield f"{said}: {other.reason}" if other.reason else said


def _looks_better_than_guessing(run: RunFinding) -> bool:
    """Whether the numbers of a line look as if the network had learnt."""
    found = run.accuracy or run.r_squared
    guess = run.guessing or 0.0
    reason = run.learning.reason if run.learning else ""
    return (
        bool(reason)
        and found is not None
        and found.mean is not None
        and round(found.mean, 2) > round(guess, 2)
    )


def beyond_the_rate(reason: str) -> str:
    """A reason without how much of the gradient a layer keeps, which has been said beside it."""
    first, _, rest = reason.partition("; ")
    return rest if first.startswith("each ") else reason
