"""What the article says of residual networks and LSTM, and of several measures together."""

from __future__ import annotations

from functools import partial

from experiments.claiming.activations import KEPT, a_layer, learns_more
from experiments.claiming.claim import Case, Claim
from experiments.claiming.criteria import Above, Between, Figure
from experiments.claiming.evidence import Evidence, quotient

SIMPLE = "simple cells"

REACHES = Between(-3.0, 3.0)
"""Decades: a thousandth of the gradient is left of it, and a thousand times as much at most."""


def _handed_back(evidence: Evidence, cells: str, others: str) -> Figure:
    return quotient(evidence.a_layer(cells), evidence.a_layer(others))


def _more(cells: str, others: str) -> Case:
    words = f"{cells}: a step's factor on the gradient / that of {others}"
    return Case(words, partial(_handed_back, cells=cells, others=others), Above(1.0))


def _reaches(cells: str) -> Case:
    words = f"{cells}: first step of time's gradient / last one's, in decades"
    return Case(words, partial(Evidence.decades, network=cells), REACHES)


CLAIMS = (
    Claim(
        "Residual connections help",
        (
            a_layer("sigmoid + residual", KEPT),
            learns_more("sigmoid + residual", "sigmoid + xavier"),
            a_layer("relu + he + scaled residual", KEPT),
            a_layer("relu + he + residual", KEPT),
            learns_more("relu + he + residual", "relu + he"),
        ),
        meaning={
            "yes yes yes no no": (
                "where what a layer adds is small beside what it is added to: with He's weights it "
                "must be scaled (here by 1 / sqrt(2 depth)), or the gradient grows by sqrt(2) in "
                "each layer"
            )
        },
    ),
    Claim(
        "LSTM cells help",
        (
            _more("lstm, forget bias 1", SIMPLE),
            learns_more("lstm, forget bias 1", SIMPLE),
            _more("lstm, forget bias 0", SIMPLE),
            _more("lstm, forget bias 0", f"{SIMPLE} + orthogonal"),
            _reaches("lstm, forget bias 4"),
            _reaches("lstm, forget bias 1"),
        ),
        meaning={
            "yes yes unsure no yes no": (
                "with the forget gate open: at a bias of 0 they are not surely better than simple "
                "cells drawn alike, and worse than orthogonal ones; at 1 they are better, and yet "
                "little is left over 64 steps; at 4 it comes through"
            )
        },
    ),
    Claim(
        "Several measures together do better than one alone",
        (
            learns_more("relu + he", "relu + xavier", "sigmoid + he"),
            learns_more(
                "relu + he + batch norm + residual",
                "relu + he",
                "sigmoid + batch norm",
                "sigmoid + residual",
            ),
            learns_more(
                "sigmoid + batch norm + residual", "sigmoid + batch norm", "sigmoid + residual"
            ),
            learns_more("relu + he + batch norm", "relu + he", "sigmoid + batch norm"),
        ),
        meaning=dict.fromkeys(
            ("yes unsure no no", "yes no no no"),
            "where each mends what the other leaves, as He's weights do for ReLU; others are no "
            "better after as many steps than the best of their parts alone, or worse",
        ),
    ),
)
