"""Which of an experiment's networks learns best, and of which it cannot be told if they learn."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.report.answer.groups import group_of
from experiments.report.cells import result
from experiments.report.speaker import Judged


def best(ended: list[Judged]) -> Iterator[str]:
    """The best of the networks that learn, of classes and of real targets.

    There is none among those that do not.
    """
    learnt = [one for one in ended if group_of(one.configuration) == "learns"]
    for words, some in (
        ("Most accurate", [one for one in learnt if one.run.accuracy]),
        ("Nearest to the targets", [one for one in learnt if one.run.r_squared]),
    ):
        if len(some) < 2:
            continue
        top = max(result(one.run).split(" ±")[0] for one in some)
        names = [one.configuration.name for one in some if result(one.run).split(" ±")[0] == top]
        yield f"{words} of the {len(some)} that learn: {' and '.join(names)}, {top}."


def untold(ended: list[Judged]) -> Iterator[str]:
    """Why it cannot be told of networks whether they learn.

    Those with one reason are together; the first one's is told with it.
    """
    reasons: dict[str, list[str]] = {}
    for c, run in ended:
        if run.learning and run.learning.verdict == "cannot be told" and group_of(c) != "failed":
            reasons.setdefault(run.learning.reason, []).append(c.name)
    first = ended[0].configuration.name if ended else ""
    for reason, names in reasons.items():
        if reason and names != [first]:
            who = "" if len(names) == len(ended) else f" ({', '.join(names)})"
            share = f"{len(names)} of {len(ended)}"
            yield f"Whether it learns cannot be told in {share}: {reason}{who}."
