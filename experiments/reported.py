"""What is reported: an experiment's findings, and the runs that they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiments.findings.configuration import all_agree, configuration
from experiments.findings.document import Configuration, Document
from experiments.findings.outcome import Outcome
from experiments.findings.thresholds import Thresholds
from experiments.index import Entry, Index
from experiments.tables import Run


@dataclass(frozen=True)
class Source:
    """An experiment's findings, and the runs that they were made from.

    Attributes:
        label: The folder as the user named it.
        entries: Configurations by name.
        runs: By run id.
    """

    label: str
    entries: dict[str, Entry]
    document: Document
    runs: Mapping[str, Run]

    def run(self, name: str, backend: str) -> Run | None:
        """The run of a configuration on a backend."""
        entry = self.entries.get(name)
        return self.runs.get(entry.runs.get(backend, "")) if entry else None


def source(index: Index, have: Mapping[str, Run], label: str) -> Source:
    """The findings of an index's experiment, from the runs at hand."""
    return Source(
        label, {entry.name: entry for entry in index.entries}, document(index, have), have
    )


def document(index: Index, have: Mapping[str, Run]) -> Document:
    """The findings, from the runs that there are and the reasons for those that there are not."""
    configurations = [_configuration(entry, have, index.thresholds) for entry in index.entries]
    ids = {run_id for entry in index.entries for run_id in entry.runs.values()}
    headers = [run.header for run_id, run in have.items() if run_id in ids]
    return Document(
        experiment=index.experiment,
        question=index.question,
        command=index.command,
        versions={
            package: version for header in headers for package, version in header.versions.items()
        },
        device={header.backend: header.device for header in headers},
        threads={header.backend: header.threads for header in headers},
        exclusive={
            name: all(h.exclusive for h in headers if h.backend == name)
            for name in {h.backend for h in headers}
        },
        thresholds=index.thresholds,
        configurations=configurations,
        agrees=all_agree(configurations),
    )


def _configuration(entry: Entry, have: Mapping[str, Run], thresholds: Thresholds) -> Configuration:
    outcomes = {
        backend: _outcome(entry, backend, have)
        for backend in dict.fromkeys((*entry.runs, *entry.failures))
    }
    return configuration(entry.name, entry.plan, outcomes, thresholds)


def _outcome(entry: Entry, backend: str, have: Mapping[str, Run]) -> Outcome:
    run = have.get(entry.runs.get(backend, ""))
    if run:
        return Outcome("finished", None, *run)
    failure = entry.failures.get(backend)
    return (
        Outcome(failure.status, failure.reason)
        if failure
        else Outcome("crashed", "its file in the store could not be read")
    )
