"""What the article says of clipping, and its snippets."""

from __future__ import annotations

from functools import partial

import numpy as np

from experiments.claiming.activations import learns_more
from experiments.claiming.claim import Case, Claim
from experiments.claiming.criteria import Above, Below, Figure
from experiments.claiming.evidence import Evidence, quotient
from experiments.claiming.measuring import ASKED

DIRECTION = Above(1 - 1e-6)
EXPLODING = "tanh + N(0, 0.35²)"


def _clipped(evidence: Evidence, way: str) -> np.ndarray | None:
    """All elements of the gradients that a framework's own clipping leaves; None where it has no such clipping."""
    found = evidence.facts["clipped"].get(way)
    return None if found is None else np.concatenate(found)


def _cosine(evidence: Evidence, way: str) -> Figure | None:
    clipped, whole = _clipped(evidence, way), np.concatenate(ASKED["gradients"])
    if clipped is None:
        return None
    return Figure(float(clipped @ whole / np.linalg.norm(clipped) / np.linalg.norm(whole)))


def _norm(evidence: Evidence, way: str) -> Figure | None:
    clipped = _clipped(evidence, way)
    return None if clipped is None else Figure(float(np.linalg.norm(clipped)))


def _raises(evidence: Evidence) -> Figure | None:
    """1 where the article's lines raise, 0 where they run; they are PyTorch's."""
    snippet = evidence.facts.get("snippet")
    return None if snippet is None else Figure(float(snippet["raises"] is not None))


def _in_its_place(evidence: Evidence) -> Figure | None:
    largest = evidence.facts.get("between backward and step")
    return None if largest is None else Figure(largest)


def _largest_step(evidence: Evidence, way: str) -> Figure:
    return quotient(evidence.largest_step(f"{EXPLODING} + {way} clipping"), evidence.largest_step(EXPLODING))


def _direction(way: str, spoken: str, criterion: Above | Below) -> Case:
    return Case(f"cosine of the whole gradient and the one clipped {spoken}", partial(_cosine, way=way), criterion)


def _relieves(way: str) -> tuple[Case, Case]:
    clipped = f"sigmoid + {way} clipping"
    words = f"{clipped}: first layer's weight gradient, clipped / not clipped"
    return Case(words, partial(Evidence.clipped, network=clipped), Above(1.0)), learns_more(clipped, "sigmoid + xavier")


def _bounds(way: str) -> Case:
    words = f"{EXPLODING}: largest change of a layer's weights in a step, with {way} clipping / without"
    return Case(words, partial(_largest_step, way=way), Below(1.0))


CLAIMS = (
    Claim(
        "Clipping by norm keeps the gradient's direction, clipping by value does not",
        (
            _direction("value", "by value", Below(DIRECTION.bound)),
            _direction("global_norm", "by the norm of all parameters", DIRECTION),
            _direction("norm", "by the norm of each parameter", DIRECTION),
        ),
        meaning={
            "holds with a condition": "where it is one norm for all parameters (PyTorch's clip_grad_norm_, Keras' global_clipnorm, "
            "optax' clip_by_global_norm); Keras' clipnorm is for each parameter, and turns the whole"
        },
    ),
    Claim(
        "Keras' SGD(clipvalue=1.0) clips by norm",
        (Case("norm after clipping (3, 4), (0.1, 0.2) by the value 1", partial(_norm, way="value"), Below(1.001)),),
        beside=(Case("the same by clipnorm or its like, all parameters", partial(_norm, way="global_norm"), Below(1.001)),),
        meaning={"does not hold": "it clips element by element; by norm clip clipnorm and global_clipnorm"},
    ),
    Claim(
        "The article's snippet clips: PyTorch's clip_grad_value_ right after the optimiser is built",
        (Case("whether it raises, before any backward()", _raises, Below(0.5)),),
        beside=(Case("largest element, where it stands between backward() and step()", _in_its_place, Below(1.001)),),
        meaning={"does not hold": "it raises as it stands, since there is no gradient yet; its place is between backward() and step()"},
    ),
    Claim(
        "Clipping relieves the vanishing gradient",
        (*_relieves("value"), *_relieves("norm"), *_relieves("global norm")),
        beside=(_bounds("value"), _bounds("global norm")),
        meaning={"does not hold": "it makes no gradient larger; what it bounds is the step that one that explodes would take"},
    ),
)
