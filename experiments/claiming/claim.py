"""A claim.

What the article says, the cases that it is tried in, and the verdict that follows from what was
measured.

| verdict                | where                                                       |
|------------------------|-------------------------------------------------------------|
| holds                  | every case that could be tried bears it out                 |
| holds with a condition | some do                                                     |
| does not hold          | none does, and of one at least that is sure                 |
| cannot be told         | no case is sure                                             |

A case bears a claim out where the figures of all frameworks surely meet its criterion. Where it is
met in one and not in another they differ, and it is no case for the claim.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from experiments.claiming.criteria import Criterion, Figure
from experiments.claiming.evidence import Evidence, Untried

Verdict = Literal["holds", "holds with a condition", "does not hold", "cannot be told"]
Outcome = Literal["yes", "no", "unsure", "differs", "untried"]


@dataclass(frozen=True)
class Case:
    """One way to try a claim.

    Attributes:
        words: What is measured, and of which network or function.
        measure: The figure of one framework; None where it has nothing of the kind.
        criterion: What the figure is for the claim to be borne out.
    """

    words: str
    measure: Callable[[Evidence], Figure | None]
    criterion: Criterion

    def figure(self, evidence: Evidence) -> Figure | None:
        """What was measured in a framework; NaN where the run for it failed."""
        try:
            return self.measure(evidence)
        except Untried:
            return Figure(float("nan"))


@dataclass(frozen=True)
class Claim:
    """What the article says, and how it is tried.

    Attributes:
        words: The gist of it, as the article has it.
        cases: They decide.
        beside: Measured and shown too; they decide nothing.
        meaning: What is said where the outcomes are these, in the order of the cases, and after a
            bar of those beside:
            "yes no | yes". So no word of it stands there that was not measured now.
    """

    words: str
    cases: tuple[Case, ...]
    beside: tuple[Case, ...] = ()
    meaning: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Tried:
    """A case with what was measured of it.

    Attributes:
        case: As it was tried.
        figures: By framework; None where it has nothing of the kind.
    """

    case: Case
    figures: Mapping[str, Figure | None]

    @property
    def outcome(self) -> Outcome:
        """Whether it bears the claim out."""
        found = {
            self.case.criterion.met(figure)
            for figure in self.figures.values()
            if figure is not None
        }
        if not found:
            return "untried"
        if {True, False} <= found:
            return "differs"
        if None in found:
            return "unsure"
        return "yes" if True in found else "no"


@dataclass(frozen=True)
class Judged:
    """A claim with all that was measured of it, and what follows."""

    claim: Claim
    cases: tuple[Tried, ...]
    beside: tuple[Tried, ...]

    @property
    def verdict(self) -> Verdict:
        """What follows from the cases."""
        found = [one.outcome for one in self.cases if one.outcome != "untried"]
        if found and set(found) == {"yes"}:
            return "holds"
        if "yes" in found:
            return "holds with a condition"
        return "does not hold" if {"no", "differs"} & set(found) else "cannot be told"

    @property
    def condition(self) -> str:
        """What is said of it: the words written for such outcomes, or which cases hold."""
        borne_out = [one.case.words for one in self.cases if one.outcome == "yes"]
        listed = f"in {len(borne_out)} of {len(self.cases)} cases: {'; '.join(borne_out)}"
        return self.claim.meaning.get(
            self.outcomes, listed if self.verdict == "holds with a condition" else ""
        )

    @property
    def outcomes(self) -> str:
        """Those of the cases, and after a bar of those beside."""
        parts = (
            " ".join(one.outcome for one in group) for group in (self.cases, self.beside) if group
        )
        return " | ".join(parts)


def judge(claim: Claim, evidence: Mapping[str, Evidence]) -> Judged:
    """Try a claim.

    Args:
        claim: As the article has it.
        evidence: What was measured, by framework.
    """

    def tried(cases: tuple[Case, ...]) -> tuple[Tried, ...]:
        return tuple(
            Tried(case, {name: case.figure(found) for name, found in evidence.items()})
            for case in cases
        )

    return Judged(claim, tried(claim.cases), tried(claim.beside))
