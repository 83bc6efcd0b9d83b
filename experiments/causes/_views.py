"""Which place of the reference may be the counterpart of which value of the port.

What a case is asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import permutations

from experiments.causes._case import Case, Side, equal
from experiments.causes._written import written


def views(case: Case) -> tuple[list[Case], list[Case]]:
    """The pairs of a place and a value that may be each other's counterpart.

    First those of the values that part: of the stretch, the case itself, what is written out by
    hand as the one place that it is, and the place that made what goes into the next. Then, apart,
    the place that the stretch lies before: what it makes of a wrong input tells less of a fault
    than the input does.
    """
    if case.stage != "forward" or case.partial:
        return [case], []
    return [*near(case), *_written_out(case), *_source(case)], list(_before(case))


def near(case: Case) -> list[Case]:
    """Those of the stretch and the case: whose objects may be told apart by what they state."""
    return [*_of_the_stretch(case), case]


def _of_the_stretch(case: Case) -> Iterator[Case]:
    for place in case.between_reference:
        yield from _paired(case, place, _ends(case))


def _ends(case: Case) -> list[Side]:
    """The port's values that are none of the reference's."""
    right = [place.output for place in case.between_reference]
    return [
        end
        for end in (*case.between_port, case.port)
        if not any(equal(end.output, each) for each in right)
    ]


def _written_out(case: Case) -> Iterator[Case]:
    """The port may go on for some places before it has come to the same one."""
    inner = (*case.between_reference, *case.after_reference[:1])
    for place in written((*case.agreed, *case.between_reference, *case.after_reference), inner):
        yield from _paired(case, place, (*case.between_port, *case.after_port))


def _before(case: Case) -> Iterator[Case]:
    """The next place, where the port does a part of its work in front of it: pads, then pools."""
    if case.reference.kind == "between" and case.after_reference and case.after_port:
        yield from _paired(case, case.after_reference[0], case.after_port[:1])


def _source(case: Case) -> Iterator[Case]:
    """The place that made what goes into the next, if nothing is between them in the reference."""
    if case.reference.kind != "between" or case.between_reference:
        return
    makers = [
        side
        for side in case.agreed
        if side.kind != "container" and equal(side.output, case.reference.output)
    ]
    for place in makers[-1:]:
        yield from _paired(case, place, (*case.between_port, case.port))


def _paired(case: Case, place: Side, ends: Iterable[Side]) -> Iterator[Case]:
    for end in ends:
        for one in turned(end, place):
            yield replace(
                case, reference=place, port=one, between_reference=(), between_port=(), partial=True
            )


def turned(end: Side, place: Side) -> list[Side]:
    """The value with its axes in the order of the place's.

    As it is where it has its shape, else in each that has.

    What lies between two places may be laid out in any way; the heads of an attention come before
    or behind the steps.
    """
    value, wanted = end.output, place.output
    if value is None or wanted is None or value.shape == wanted.shape or value.ndim != wanted.ndim:
        return [end]
    orders = [(0, *rest) for rest in permutations(range(1, value.ndim))]
    fitting = [axes for axes in orders if tuple(value.shape[axis] for axis in axes) == wanted.shape]
    return [replace(end, output=value.transpose(axes)) for axes in fitting] or [end]
