"""A port held to its reference, stage by stage: weights, values, loss, gradients and steps.

Where a value parts, the reference's is put in, and the rest is judged with right inputs: so several
faults come out of one run, and what follows from one is not taken for another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from experiments.own import backward, divergence, explaining
from experiments.own.alignment import Pair, align
from experiments.own.carried import Carried
from experiments.own.carrying import carry
from experiments.own.divergence import Divergence
from experiments.own.interpreter import Interpreter
from experiments.own.layouts import completed
from experiments.own.mending import Put, mended
from experiments.own.moved import statistics_error, step_error
from experiments.own.partings import parting, spelt, told
from experiments.own.port_document import Parting, Stage
from experiments.own.sides import Sides
from experiments.own.tolerance import Tolerances
from isograd.captured import Captured, Step

MOST = 8
"""So many places where they part are looked for."""

STEP = 1e-6
"""A right step is off by less, as a share of the largest step: optimisers compute some numbers in
float32."""


class Reference(NamedTuple):
    """What is known of the reference, whether or not it can run.

    Attributes:
        captured: With values.
        tolerances: Of it.
        steps: With arrays; empty where it has no optimizer.
    """

    captured: Captured
    tolerances: Tolerances
    steps: list[Step]


class Mark(NamedTuple):
    """What is told of a place in the tree, and how far off it was without the reference's value."""

    word: str
    error: float


class Compared(NamedTuple):
    """What came out of it; `seen` is how it was before any value was put in."""

    sides: Sides
    seen: Sides
    carried: Carried
    starts: dict[str, tuple[float, float]]
    partings: list[Parting]
    judged: list[Stage]
    losses: list[tuple[float | None, float | None]]
    marks: dict[int, Mark]
    gradients: dict[int, float]


def compare(
    reference: Reference, port: Interpreter, given: Mapping[str, str], optimizer: bool
) -> Compared:
    """Hold a port to its reference.

    Args:
        reference: It.
        port: The port, opened on the reference's batch.
        given: Layers that the user has paired: the port's by the reference's.
        optimizer: Whether the port's file has one; a compiled Keras model may have its own.
    """
    return _Comparison(reference, port, given).run(optimizer)


class _Comparison:
    def __init__(self, reference: Reference, port: Interpreter, given: Mapping[str, str]) -> None:
        self.reference = reference
        self.port = port
        self.given = given
        self.put: Put = {}
        self.partings: list[Parting] = []
        self.judged: list[Stage] = ["forward"]
        self.marks: dict[int, Mark] = {}
        self.starts: dict[str, tuple[float, float]] = {}

    def run(self, optimizer: bool) -> Compared:
        sides = self._forward()
        errors = self._backward(sides)
        self._statistics(sides)
        optimizer = optimizer or sides.port["optimizer"] is not None
        losses = self._steps(sides) if optimizer and self.reference.steps else []
        return Compared(
            sides,
            self.seen,
            self.carried,
            self.starts,
            self.partings,
            self.judged,
            losses,
            self.marks,
            errors,
        )

    # --- values

    def _forward(self) -> Sides:
        """Go on with the reference's values where the port leaves them; the last pass's sides."""
        for turn in range(MOST):
            sides = self._sides()
            if turn == 0:
                self.seen = sides
            found = divergence.first(sides)
            if found is None:
                break
            self._part(sides, found)
            put = mended(sides, found)
            if not put or set(put) <= set(self.put):
                break
            self.put |= put
        return sides

    def _sides(self) -> Sides:
        captured = self.reference.captured
        self.carried = carry(captured, self.port, self.given, self.put)
        self.starts = self.starts or self.carried.starts
        found = completed(self.port.capture(put=self.put))
        aligned = align(captured, found, self.carried.pairs, self.reference.tolerances.values)
        return Sides(captured, found, aligned, self.reference.tolerances, self.put.keys())

    def _part(self, sides: Sides, found: Divergence) -> None:
        seen, findings = explaining.value(sides, found)
        i = told(sides, seen, findings)
        place = None if i is None else sides.mine[i]
        other = None if found.its is None else sides.its[found.its]
        before = None if found.own or found.mine is None else spelt(sides.mine[found.mine])
        self._mark(len(sides.mine) if i is None else i, "parts", found.error)
        self.partings.append(
            parting("forward", place, other, found.error, found.tolerance, findings, before)
        )

    def _mark(self, place: int, word: str, error: float) -> None:
        self.marks.setdefault(place, Mark(word, error))

    # --- gradients

    def _backward(self, sides: Sides) -> dict[int, float]:
        """The loss, and then dL/dy from it back to the first place."""
        if self._loss(sides):
            return {}
        self.judged.append("backward")
        last = max((i for i, mark in self.marks.items() if mark.word == "parts"), default=-1)
        found = backward.gradients(sides, last)
        if found.first is not None:
            self._part_backward(sides, found.first, found.errors)
            last = max(last, found.first.mine)
        self._parameters(sides, last)
        return found.errors

    def _parameters(self, sides: Sides, last: int) -> None:
        """Parameters that part though their layer's output agrees: the layer nearest the loss."""
        index = {place["path"]: i for i, place in enumerate(sides.mine)}
        its_index = {place["path"]: place for place in sides.its}
        off = [
            found
            for found in backward.parameters(sides, self.carried.pairs)
            if found.error > found.tolerance
        ]
        judged = [found for found in off if index.get(found.path, -1) > last]
        if not judged:
            return
        found = max(judged, key=lambda each: index[each.path])
        place = sides.mine[index[found.path]]
        other = its_index[self.carried.pairs[found.path]]
        self._mark(index[found.path], "gradient parts", found.error)
        findings = explaining.gradient(sides, place, other)
        self.partings.append(
            parting("backward", place, other, found.error, found.tolerance, findings)
        )

    def _loss(self, sides: Sides) -> bool:
        """Whether the loss parts, of the same output."""
        a, b = sides.reference, sides.port
        error = abs(a["loss"] - b["loss"]) / max(abs(a["loss"]), 1e-300)
        tolerance = sides.tolerances.loss
        if divergence.first(sides) is not None:
            return False  # of other outputs
        self.judged.append("loss")
        if error <= tolerance:
            return False
        self.partings.append(parting("loss", None, None, error, tolerance, explaining.loss(sides)))
        return True

    def _part_backward(self, sides: Sides, pair: Pair, errors: dict[int, float]) -> None:
        tolerances = sides.tolerances.gradients
        follows = [
            p
            for p in sides.alignment.pairs
            if p.mine > pair.mine and errors.get(p.mine, 1.0) <= tolerances[p.mine]
        ]
        place, other = sides.mine[pair.mine], sides.its[pair.its]
        behind = [sides.mine[p.mine] for p in follows]
        error, tolerance = errors[pair.mine], tolerances[pair.mine]
        self._mark(pair.mine, "gradient parts", error)
        findings = explaining.gradient(sides, place, other, behind)
        self.partings.append(parting("backward", place, other, error, tolerance, findings))

    # --- steps

    def _steps(self, sides: Sides) -> list[tuple[float | None, float | None]]:
        """Steps of both optimisers from the same start."""
        mine = self.reference.steps
        its = self.port.steps(len(mine))
        error = step_error(sides, mine, its, self.carried.pairs)
        clean = not self.partings
        if error is not None:
            self.judged.append("step")
        if error is not None and error > STEP:
            findings = explaining.step(sides, self.seen.port, mine, its, self.carried.pairs)
            if clean or findings:
                self.partings.append(parting("step", None, None, error, STEP, findings))
        return [(one["loss"], other["loss"]) for one, other in zip(mine, its, strict=True)]

    # --- running statistics

    def _statistics(self, sides: Sides) -> None:
        """Running statistics after the pass, of each normalization that had the same input."""
        if not any(sides.reference["statistics"].values()):
            return
        self.judged.append("statistics")
        told: set[str] = set()
        for pair in sides.alignment.pairs:
            place, other = sides.mine[pair.mine], sides.its[pair.its]
            error = statistics_error(sides, place, other)
            if error <= STEP or not divergence.inputs_agree(sides, pair):
                continue
            findings = explaining.statistics(sides, place, other)
            said = findings[0].said if findings else ""
            if said not in told:  # what one normalization does, all of them may do
                told.add(said)
                self.partings.append(parting("statistics", place, other, error, STEP, findings))
