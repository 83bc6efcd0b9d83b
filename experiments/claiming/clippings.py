"""What the article says of clipping, and its snippets."""

from __future__ import annotations

from functools import partial

import numpy as np

from experiments.claiming.activations import learns_more
from experiments.claiming.claim import Case, Claim
from experiments.claiming.criteria import Above, Below, Figure, Near
from experiments.claiming.evidence import Evidence, quotient
from experiments.claiming.measuring import ASKED

KEPT = Near(1.0, 1e-6)
TURNED = Below(0.999)
"""The cosine of two directions that are one, and of two that are not."""

AT_THRESHOLD = Near(1.0, 1e-3)
EXPLODING = "tanh + N(0, 0.35²)"


def _clipped(evidence: Evidence, way: str) -> np.ndarray | None:
    """All elements of the gradients that a framework's own clipping leaves.

    None where it has no such clipping.
    """
    found = evidence.fact("clipped").get(way)
    return None if found is None else np.concatenate(found)


def _cosine(evidence: Evidence, way: str) -> Figure | None:
    clipped = _clipped(evidence, way)
    whole = np.concatenate(ASKED["gradients"])
    if clipped is None:
        return None
    return Figure(float(clipped @ whole / np.linalg.norm(clipped) / np.linalg.norm(whole)))


def _norm(evidence: Evidence, way: str) -> Figure | None:
    clipped = _clipped(evidence, way)
    return None if clipped is None else Figure(float(np.linalg.norm(clipped)))


def _snippet(evidence: Evidence, fact: str) -> Figure | None:
    """What became of the article's lines, which are PyTorch's."""
    snippet = evidence.fact("snippet")
    return None if snippet is None else Figure(float(snippet[fact]))


def _largest_step(evidence: Evidence, way: str) -> Figure:
    return quotient(
        evidence.largest_step(f"{EXPLODING} + {way} clipping"), evidence.largest_step(EXPLODING)
    )


def _direction(way: str, spoken: str, criterion: Near | Below) -> Case:
    return Case(
        f"cosine of the gradient and the one clipped {spoken}", partial(_cosine, way=way), criterion
    )


def _relieves(way: str) -> Case:
    clipped = f"sigmoid + {way} clipping"
    words = f"{clipped}: first layer's weight gradient, clipped / not clipped"
    return Case(words, partial(Evidence.clipped, network=clipped), Above(1.0))


def _bounds(way: str) -> Case:
    words = (
        f"{EXPLODING}: largest change of a layer's weights in a step, with {way} clipping / without"
    )
    return Case(words, partial(_largest_step, way=way), Below(1.0))


CLAIMS = (
    Claim(
        "Clipping by norm keeps the gradient's direction, clipping by value does not",
        (
            _direction("value", "by value", TURNED),
            _direction("global_norm", "by the norm of all parameters", KEPT),
            _direction("norm", "by the norm of each parameter", KEPT),
        ),
        meaning={
            "yes yes no": (
                "where it is one norm for all parameters (PyTorch's clip_grad_norm_, Keras' "
                "global_clipnorm, optax' clip_by_global_norm); Keras' clipnorm is for each "
                "parameter, and turns the whole"
            )
        },
    ),
    Claim(
        "Keras' SGD(clipvalue=1.0) clips by norm",
        (
            Case(
                "norm of (3, 4), (0.1, 0.2) clipped by the value 1",
                partial(_norm, way="value"),
                AT_THRESHOLD,
            ),
        ),
        beside=(
            Case(
                "norm of the same clipped by the norm of all parameters",
                partial(_norm, way="global_norm"),
                AT_THRESHOLD,
            ),
        ),
        meaning={
            "no | yes": "it clips element by element; by norm clip clipnorm and global_clipnorm"
        },
    ),
    Claim(
        (
            "The article's snippet clips: PyTorch's clip_grad_value_ right after the optimiser is "
            "built"
        ),
        (
            Case(
                "errors that it raises, before any backward()",
                partial(_snippet, fact="errors"),
                Below(0.5),
            ),
            Case(
                "largest element of the gradient in the step after it",
                partial(_snippet, fact="after it"),
                AT_THRESHOLD,
            ),
        ),
        beside=(
            Case(
                "the same, where it stands between backward() and step()",
                partial(_snippet, fact="in its place"),
                AT_THRESHOLD,
            ),
        ),
        meaning={
            "no no | yes": (
                "it raises as it stands, since there is no gradient yet; its place is between "
                "backward() and step()"
            )
        },
    ),
    Claim(
        "Clipping relieves the vanishing gradient",
        (
            *(_relieves(way) for way in ("value", "norm", "global norm")),
            learns_more("sigmoid + global norm clipping", "sigmoid + xavier"),
        ),
        beside=(_bounds("value"), _bounds("global norm")),
        meaning={
            "no no no unsure | yes yes": (
                "it makes no gradient larger; what it bounds is the step that one that explodes "
                "would take"
            )
        },
    ),
)
