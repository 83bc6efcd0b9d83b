"""What the article says of initializations."""

from __future__ import annotations

import math
from functools import partial

from experiments.claiming.claim import Case, Claim
from experiments.claiming.criteria import Below, Figure, Near
from experiments.claiming.evidence import Evidence, difference, quotient
from experiments.claiming.measuring import ASKED
from experiments.claiming.networks import WIDENED, WIDTHS, wide

SCATTER = 0.05
"""What a standard deviation of 7,840 weights may be off by; its standard error is 0.8 %."""


def _widened(evidence: Evidence, activation: str) -> Figure:
    """By how many decades the first layer's share of the gradient rises with the width."""
    narrow, broad = (evidence.decades(wide(activation, width)) for width in WIDTHS)
    return difference(broad, narrow)


def _saturated(evidence: Evidence, activation: str) -> Figure:
    narrow, broad = (evidence.saturation(wide(activation, width), activation) for width in WIDTHS)
    return quotient(broad, narrow)


def _lecun(evidence: Evidence, place: int) -> Figure:
    """The standard deviation of a framework's own Xavier, times sqrt(n_in)."""
    n_in, _ = ASKED["shapes"][place]
    return Figure(evidence.fact("xavier")[place] * math.sqrt(n_in))


def _grows(activation: str) -> Case:
    words = (
        f"{activation}: first layer's gradient / last one's, in decades, at width {WIDTHS[1]} less "
        f"at {WIDTHS[0]}"
    )
    return Case(words, partial(_widened, activation=activation), Below(0.0))


def _saturates(activation: str) -> Case:
    words = f"{activation}: mean derivative, at width {WIDTHS[1]} / at {WIDTHS[0]}"
    return Case(words, partial(_saturated, activation=activation), Below(1.0))


def _law(place: int) -> Case:
    n_in, n_out = ASKED["shapes"][place]
    words = f"std of the framework's own Xavier, from {n_in} units to {n_out}, times sqrt(n_in)"
    return Case(words, partial(_lecun, place=place), Near(1.0, SCATTER))


CLAIMS = (
    Claim(
        "Weights of N(0, 1) make gradients small as layers grow wider",
        tuple(_grows(activation) for activation in WIDENED),
        beside=tuple(_saturates(activation) for activation in ("sigmoid", "tanh")),
        meaning={
            "no no no | yes yes": (
                "they grow; what becomes small are the local derivatives of sigmoid and tanh, "
                "which saturate, and the sum over more units outweighs them"
            )
        },
    ),
    Claim(
        "Xavier's initialization is a Gaussian of standard deviation sqrt(1 / n_in)",
        tuple(_law(place) for place in range(len(ASKED["shapes"]))),
        meaning={
            "yes no no": "where n_in = n_out; that law is LeCun's, and Xavier Glorot's is sqrt(2"
            " / (n_in + n_out)), which all three frameworks have"
        },
    ),
)
