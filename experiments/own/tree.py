"""The tree of a port: all places of the reference, each with its counterpart and its error."""

from __future__ import annotations

from experiments.own.alignment import Pair
from experiments.own.partings import spelt
from experiments.own.port_document import Branch
from experiments.own.porting import Compared
from experiments.own.tolerance import BLIND


def tree(found: Compared) -> list[Branch]:
    """All places of the reference, with their counterparts."""
    pairs = {pair.mine: pair for pair in found.sides.alignment.pairs}
    return [_branch(found, i, pairs.get(i)) for i in range(len(found.sides.mine))]


def _branch(found: Compared, i: int, pair: Pair | None) -> Branch:
    sides = found.sides
    place = found.sides.mine[i]
    mark = found.marks.get(i)
    branch = Branch(
        path=spelt(place), type=place["type"], port_path=None, port_type=None, mark="not compared"
    )
    if pair is not None and pair.match is not None:
        other = sides.its[pair.its]
        blind = sides.tolerances.values[i] >= BLIND
        agrees = "agrees" if sides.agrees(pair) else "reordered" if pair.reordered else "follows"
        compared = {
            "port_path": spelt(other),
            "port_type": other["type"],
            "value": None if sides.replaced(pair) else pair.match.error,
            "value_tolerance": sides.tolerances.values[i],
            "gradient": found.gradients.get(i) if sides.tolerances.gradients[i] < BLIND else None,
            "gradient_tolerance": sides.tolerances.gradients[i],
            "mark": "cannot be judged" if blind and agrees == "agrees" else agrees,
        }
        branch = branch.model_copy(update=compared)
    if mark is None:
        return branch
    return branch.model_copy(
        update={"mark": mark.word, "gradient" if "gradient" in mark.word else "value": mark.error}
    )
