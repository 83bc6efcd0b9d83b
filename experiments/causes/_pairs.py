"""Two faults at one place: the reference with the first of them is asked for the second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from experiments.causes._case import Case
from experiments.causes._definition.errors import Undefined
from experiments.causes._hypothesis import Finding, Hypothesis, Numbers, error

LARGEST = 30_000
"""Elements of an output for which a thousand pairs are still computed in seconds."""
Asked = tuple[str, Case, Hypothesis]


def pairs(
    asked: list[Asked], again: Callable[[Case], list[Asked]], judged: Callable[..., Finding | None]
) -> list[Finding]:
    """The first pair that reproduces the port's number, and those that do so too.

    Args:
        asked: The hypotheses on a case, of which none holds by itself.
        again: Gives those on another case.
        judged: Gives the finding where one holds.
    """
    found: dict[frozenset[str], Finding] = {}
    for name, case, first in asked:
        for changed in _changed(case, first):
            for other, view, second in again(changed):
                both = frozenset((f"{name}.{first.name}", f"{other}.{second.name}"))
                if second.rank == 0 and len(both) == 2 and both not in found:
                    finding = judged(other, view, replace(second, plain=_nearer(case, changed)))
                    if finding:
                        found[both] = _joined(first, f"{name}.{first.name}", finding)
    return list(found.values())


def _changed(case: Case, hypothesis: Hypothesis) -> Iterator[Case]:
    """The case with a reference that has this fault.

    None where it is not one of a computation that can be repeated.
    """
    output = case.reference.output
    if hypothesis.side is None or hypothesis.rank or output is None or output.size > LARGEST:
        return
    try:
        yield replace(case, reference=replace(hypothesis.side, output=hypothesis.port()))
    except Undefined:
        return


def _nearer(case: Case, changed: Case) -> Numbers | None:
    """What both have to explain is how far the port is from the reference.

    The second has to explain how far the first leaves it.
    """
    outputs = [each.reference.output for each in (case, changed)]
    its = case.port.output
    if its is None or any(each is None for each in outputs):
        return None
    known = [each for each in outputs if each is not None]
    return lambda: min(known, key=lambda each: error(each, its))


def _joined(first: Hypothesis, key: str, second: Finding) -> Finding:
    said = f"{first.said} And: {second.said}"
    cure = f"{first.cure}\n{second.cure}"
    return replace(
        second, key=f"{key}+{second.key}", said=said, cure=cure, note="Two faults at one place."
    )
