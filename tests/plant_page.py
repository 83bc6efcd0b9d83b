"""What is said of wings with a planted fault, and of those without one: the page
docs/planted-faults.md.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.faults import NONE, UNSEEN

DEPTHS = (6, 30, 60)
PRECISIONS = ("float64", "float32")


class Case(NamedTuple):
    """One run of a faulty wing, and what the findings say of it."""

    wing: str
    fault: str
    plan: str
    depth: int
    precision: str
    record_every: int
    outcome: str
    reason: str
    where: str
    error: float
    bound: float
    free_run: str


def rows_of(cases: list[Case]) -> list[str]:
    """The table, a line for each fault and wing: a letter for each depth, precision and
    record_every.
    """
    letters = {"broken": "B", "agrees": "a", "cannot be judged": "?", "crashed": "!"}
    lines = []
    for key in dict.fromkeys((case.fault, case.plan, case.wing) for case in cases):
        mine = [case for case in cases if (case.fault, case.plan, case.wing) == key]
        cells = []
        for precision in PRECISIONS:
            for depth in DEPTHS:
                found = [
                    letters[c.outcome] for c in mine if (c.precision, c.depth) == (precision, depth)
                ]
                cells.append(" ".join(found) or "-")
        first = mine[0]
        lines.append(
            f"| {first.fault} | {first.plan} | {first.wing} | "
            + " | ".join(cells)
            + f" | {first.where} |"
        )
    return lines


def shares(cases: list[Case]) -> list[str]:
    """What is said of wings with a fault, by precision, and of wings without one."""
    lines = []
    for precision in PRECISIONS:
        outcomes = [
            case.outcome for case in cases if case.precision == precision and case.fault != NONE
        ]
        if outcomes:
            share = 100 * outcomes.count("broken") / len(outcomes)
            lines.append(
                f"{precision}: {share:.1f} % of {len(outcomes)} runs are called broken "
                f"({_counts(outcomes)})."
            )
    control = [case.outcome for case in cases if case.fault == NONE]
    return [
        *lines,
        (
            f"Without a fault: {control.count('broken')} of {len(control)} are called broken "
            f"({_counts(control)})."
        ),
    ]


def _counts(outcomes: list[str]) -> str:
    return ", ".join(f"{outcomes.count(word)} {word}" for word in sorted(set(outcomes)))


def page(cases: list[Case]) -> str:
    """The page of docs/."""
    head = [f"{precision}, {depth}" for precision in PRECISIONS for depth in DEPTHS]
    intro = [
        "# Planted faults",
        "",
        (
            "Made by `python -m tests.plant --write`, which plants each fault of `tests/faults/` "
            "in each wing, runs a plan that"
        ),
        (
            "shows it (digits, 16 units, batches of 32, 2 seeds, 12 steps), and writes down what "
            "`compare` says."
        ),
        "",
        *[f"- {line}" for line in shares(cases)],
        "",
        (
            "Columns are precision and depth; in each, every step recorded and every tenth: B "
            "broken, a agrees, ? cannot be"
        ),
        (
            "judged, ! crashed, - not a fault in this precision. The last column is what the first "
            "run's report names."
        ),
        "",
        f"| fault | plan | wing | {' | '.join(head)} | first named |",
        "|---" * (len(head) + 4) + "|",
        *rows_of(cases),
        "",
        "A fault that is not called broken, and a wing without a fault that is:",
        "",
    ]
    names = dict.fromkeys(case.fault for case in cases if surprises([case]))
    lines = [
        line
        for name in names
        for line in _unseen(name, [case for case in cases if case.fault == name])
    ]
    return "\n".join([*intro, *(lines or ["- nothing"])]) + "\n"


def _unseen(name: str, cases: list[Case]) -> list[str]:
    """Where a fault is not called broken, a line for each wing and outcome, and why."""
    lines = [
        f"- **{name}.** {UNSEEN.get(name.removesuffix(f', {cases[0].plan}'), 'Not explained.')}"
    ]
    for key in dict.fromkeys((case.wing, case.outcome) for case in cases):
        mine = [case for case in cases if (case.wing, case.outcome) == key]
        if found := surprises(mine):
            where = ", ".join(f"{case.precision} {case.depth}/{case.record_every}" for case in mine)
            lines.append(f"    - {len(mine)} runs ({where}); the first: {found[0]}")
    return lines


def surprises(cases: list[Case]) -> list[str]:
    """What a reader has to know of each faulty run that is not called broken, and of each right one
    that is.
    """
    return [
        f"{c.fault} ({c.wing}, {c.precision}, depth {c.depth}, every {c.record_every}): "
        f"{c.outcome}; nearest {c.where}, error {c.error:.1e} of {c.bound:.1e}; free run "
        f"{c.free_run}{'; ' + c.reason if c.reason else ''}"
        for c in cases
        if (c.outcome == "broken") == (c.fault == NONE)
    ]
