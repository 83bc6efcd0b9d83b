"""What to try next, where an experiment has no change of a network that does not learn."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from experiments.findings.document import Document
from experiments.report.speaker import first_run

COMMANDS = (["python", "-m", "experiments.compare"], ["isograd", "compare"])


def advice(document: Document) -> Iterator[str]:
    """For a single network: the command that runs it with each countermeasure.

    One change at a time, with these numbers.
    """
    if len(document.configurations) > 1:
        return
    run = first_run(document.configurations[0])
    through = (
        run is not None and run.gradient is not None and run.gradient.verdict == "comes through"
    )
    if through and run and run.learning and run.learning.verdict == "learns":
        return
    words = shlex.split(document.command)
    if any(words[: len(each)] == each for each in COMMANDS) and "--try" not in words:
        yield (
            f"What to try: {document.command} --try runs it beside each single change, with the "
            "same numbers."
        )
    if through:
        yield (
            "Where the gradient comes through, more --steps or another --learning-rate may be all "
            "that it needs."
        )
