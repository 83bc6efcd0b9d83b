"""The answer of an experiment, made from its findings.

The facts, the first configuration, all of them in groups, agreement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from experiments.findings.document import Document
from experiments.report import agreed
from experiments.report.advice import advice
from experiments.report.answer.base import of_the_first
from experiments.report.answer.changes import clipped, single_changes
from experiments.report.answer.facts import facts
from experiments.report.answer.groups import Group, groups
from experiments.report.answer.learning import best, untold
from experiments.report.cells import failures
from experiments.report.speaker import Judged, first_run


@dataclass(frozen=True)
class Answer:
    """The answer; every configuration is in exactly one line of one group."""

    facts: list[str]
    base: list[str]
    groups: list[Group]
    changes: list[str]
    best: list[str]
    agreement: list[str]
    failures: list[str]


def answer(document: Document) -> Answer:
    """The answer to the question of a document."""
    ended = [Judged(c, run) for c in document.configurations if (run := first_run(c))]
    first = ended[0] if ended and ended[0].configuration is document.configurations[0] else None
    changes = [
        *(single_changes(first, ended[1:]) if first else ()),
        *clipped(ended),
        *untold(ended),
    ]
    return Answer(
        facts=list(facts(document)),
        base=list(of_the_first(first)) if first else [],
        groups=groups(document),
        changes=[*changes, *advice(document)],
        best=list(best(ended)),
        agreement=list(agreed.lines(document)),
        failures=list(failures(document, but=("non-finite",))),  # those are in their group
    )


def sentences(document: Document) -> Iterator[str]:
    """The answer as plain lines."""
    found = answer(document)
    yield from (*found.facts, *found.base)
    for group in found.groups:
        yield f"{group.title}: {len(group.lines)} of {len(document.configurations)}"
        for line in group.lines:
            yield "; ".join([f"{line.name}: {', '.join(line.cells)}", *line.notes])
    yield from (*found.changes, *found.best, *found.failures, *found.agreement)


def summary(document: Document) -> list[str]:
    """The answer in a few lines, for a list of experiments.

    The groups and how many are in each, and agreement.
    """
    count = len(document.configurations)
    agrees = {
        True: "The frameworks agree with the definition.",
        False: "Agreement with the definition is broken.",
    }
    counted = [f"{group.title}: {len(group.lines)} of {count}." for group in groups(document)]
    return counted if document.agrees is None else [*counted, agrees[document.agrees]]
